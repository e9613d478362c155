//! Sources on the command line: added, listed, shown, changed, written from, removed.

use crate::support::{Place, text};

#[test]
fn a_newsletter_is_written_from_a_markdown_file_and_nothing_else() {
    let place = Place::new();
    place.write("week.md", "# Tea week\n\nTea went up by a tenth, and nobody knows why.\n");
    let file = place.path("week.md").display().to_string();
    let added = place.run(&["sources", "add", "--markdown", &file, "--user", "ann"]);
    assert!(added.exits(0).out.contains("active"), "{}", added.out);
    let id = added.out.split_whitespace().find(|word| word.starts_with("src_")).unwrap().to_owned();
    let listed = place.run(&["sources", "ls", "--user", "ann"]);
    assert!(listed.exits(0).out.contains("Tea week"), "{}", listed.out);
    let items = place.run(&["sources", "items", "--user", "ann"]);
    assert!(items.exits(0).out.contains("Tea week"), "{}", items.out);
    let written = place.run(&["generate", "newsletter", "--user", "ann"]);
    assert!(written.exits(0).out.contains("Tea week"), "{}", written.out);
    let edited = place.run(&["sources", "edit", &id, "--name", "The week"]);
    assert!(edited.exits(0).out.contains("The week"), "{}", edited.out);
    place.write("next.md", "# The week after\n\nMilk went up.\n");
    let put = text(&place.json(&["files", "put", "next.md", "--user", "ann"]), "/id");
    place.run(&["sources", "edit", &id, "--file-id", &put]).exits(0);
    place.run(&["sources", "items", "--user", "ann"]).exits(0).prints("The week after");
    let again = place.run(&["sources", "add", "--file-id", &put, "--user", "bob"]);
    again.exits(0).prints("The week after").prints("markdown");
    place.run(&["sources", "add", "--file-id", &put, "--text", "x"]).exits(2);
    let id = [id, again.out.split_whitespace().find(|word| word.starts_with("src_")).unwrap().to_owned()];
    for id in &id {
        place.run(&["sources", "rm", id]).exits(0);
    }
    let none = place.run(&["sources", "ls"]);
    assert!(none.exits(0).err.contains("No sources"), "{}", none.err);
}

#[test]
fn what_is_wrong_is_said() {
    let place = Place::new();
    for (arguments, said) in [
        (vec!["sources", "add", "http://10.0.0.1/feed"], "COPYDESK_WEBHOOK_ALLOW"),
        (vec!["sources", "add", "https://example.com/feed", "--schedule", "1s"], "15m to 7d"),
        (vec!["sources", "add", "--markdown", "nowhere.md"], "cannot be read"),
        (vec!["sources", "edit", "src_01900000000000000000000000"], "say what changes"),
    ] {
        let told = place.run(&arguments);
        assert!(told.exit != Some(0) && told.err.contains(said), "{arguments:?}: {}", told.err);
    }
}
