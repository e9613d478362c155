//! The help text, word for word: a change is made on purpose.

use crate::support::Place;

#[test]
fn the_help_lists_every_command() {
    let ran = Place::new().run(&["--help"]);
    insta::assert_snapshot!(ran.exits(0).out);
    assert_eq!(ran.err, "");
}

#[test]
fn the_help_of_generate_lists_every_flag() {
    insta::assert_snapshot!(Place::new().run(&["generate", "--help"]).exits(0).out);
}

#[test]
fn the_version_is_the_packages() {
    let ran = Place::new().run(&["--version"]);
    assert_eq!(ran.exits(0).out, format!("copydesk {}\n", env!("CARGO_PKG_VERSION")));
}
