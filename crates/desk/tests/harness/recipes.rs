//! The recipes of these tests, on disk as a user would write them: `note` (price 5, dedupe), `loose` (the same
//! without dedupe), `pair` (two steps), `other-pair` (whose steps are named differently), `letter` (the newsletter at
//! price 5), `metered` and `guess` (two steps, by cost; the route of the other has an unpriced model), `routed` (two models),
//! `wide` (two models and one of another provider) and `spare` (a route whose second model is not set up).

use copydesk_recipes::Shelf;
use std::fs;
use std::path::Path;

const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["prompt"],
  "properties": { "prompt": { "type": "string", "minLength": 1, "maxLength": 1000 } }
}"#;

pub fn shelf() -> (tempfile::TempDir, Shelf) {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let one = r#"["demo/one"]"#;
    single(at, "note", one, true);
    single(at, "loose", one, false);
    single(at, "routed", r#"["demo/one", "demo/two"]"#, true);
    single(at, "wide", r#"["demo/one", "demo/two", "other/one"]"#, true);
    single(at, "spare", r#"["demo/one", "demo/absent", "demo/three"]"#, true);
    pair(at, "pair", "plan");
    metered(at, "metered", one);
    metered(at, "guess", r#"["demo/one", "demo/unlisted"]"#);
    letter(at);
    making(at);
    let shelf = Shelf::built_in().unwrap().with_user_dir(at).unwrap_or_else(|error| panic!("{error}"));
    (folder, shelf)
}

/// A shelf on which somebody has changed the steps of `pair`.
pub fn changed_shelf() -> (tempfile::TempDir, Shelf) {
    let folder = tempfile::tempdir().unwrap();
    pair(folder.path(), "pair", "sketch");
    let shelf = Shelf::built_in().unwrap().with_user_dir(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    (folder, shelf)
}

/// A shelf on which somebody has given `metered` another price.
pub fn repriced(price: &str) -> (tempfile::TempDir, Shelf) {
    let folder = tempfile::tempdir().unwrap();
    metered(folder.path(), "metered", r#"["demo/one"]"#);
    let file = folder.path().join("metered/recipe.toml");
    let text = fs::read_to_string(&file).unwrap();
    let text: Vec<&str> = text.lines().map(|line| if line.starts_with("price") { price } else { line }).collect();
    fs::write(&file, text.join("\n")).unwrap();
    let shelf = Shelf::built_in().unwrap().with_user_dir(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    (folder, shelf)
}

/// A shelf on which somebody has written something else into the recipe `note`.
pub fn note_with(old: &str, new: &str) -> (tempfile::TempDir, Shelf) {
    let folder = tempfile::tempdir().unwrap();
    single(folder.path(), "note", r#"["demo/one"]"#, true);
    let file = folder.path().join("note/recipe.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(old), "{text}");
    fs::write(&file, text.replace(old, new)).unwrap();
    let shelf = Shelf::built_in().unwrap().with_user_dir(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    (folder, shelf)
}

fn write(at: &Path, name: &str, files: &[(&str, &str)]) {
    fs::create_dir(at.join(name)).unwrap();
    for (file, text) in files {
        fs::write(at.join(name).join(file), text).unwrap();
    }
}

fn single(at: &Path, name: &str, route: &str, dedupe: bool) {
    let recipe = format!(
        "name = \"{name}\"\ntitle = \"Note\"\noutput = \"text\"\nroute = {route}\nprice = 5\ndedupe = {dedupe}\n\
         params = [\"temperature\", \"max_output_tokens\"]\n\n[[steps]]\nname = \"write\"\nprompt = \"prompt.j2\"\n\n[limits]\nmax_attempts = 3\nattempt_timeout = \"2m\"\n"
    );
    let files = [
        ("recipe.toml", recipe.as_str()),
        ("input.schema.json", SCHEMA),
        ("example.json", r#"{ "prompt": "Hello" }"#),
        ("prompt.j2", "{{ input.prompt }}"),
    ];
    write(at, name, &files);
}

fn pair(at: &Path, name: &str, first: &str) {
    let recipe = format!(
        "name = \"{name}\"\ntitle = \"Pair\"\noutput = \"text\"\nroute = [\"demo/one\"]\nprice = 5\n\n\
         [[steps]]\nname = \"{first}\"\nprompt = \"first.j2\"\n\n\
         [[steps]]\nname = \"write\"\nprompt = \"second.j2\"\n"
    );
    let second = format!("Write this out: {{{{ steps.{first} }}}}");
    let files = [
        ("recipe.toml", recipe.as_str()),
        ("input.schema.json", SCHEMA),
        ("example.json", r#"{ "prompt": "Hello" }"#),
        ("first.j2", "Plan for: {{ input.prompt }}"),
        ("second.j2", second.as_str()),
    ];
    write(at, name, &files);
}

/// `film` (a job) and `sketch` (pictures), at price 10, by the model `studio/reel`.
fn making(at: &Path) {
    let schema = r#"{ "type": "object", "additionalProperties": false, "required": ["prompt"], "properties": {
        "prompt": { "type": "string" }, "seconds": { "type": "integer" }, "start": { "type": "string" } } }"#;
    let recipe = |name: &str, step: &str| {
        format!(
            "name = \"{name}\"\ntitle = \"Made\"\noutput = \"media\"\nroute = [\"studio/reel\"]\nprice = 10\n\n\
             [[steps]]\nprompt = \"prompt.j2\"\n{step}\n\n[limits]\nmax_attempts = 3\nattempt_timeout = \"2m\"\n"
        )
    };
    let film = "name = \"shoot\"\nkind = \"media\"\nsettings_from = [\"seconds\"]\npictures_from = \"start\"\n\
                [steps.settings]\nquality = \"low\"";
    let sketch = "name = \"draw\"\nkind = \"picture\"\n[steps.settings]\ncount = 2\nsize = \"64x64\"";
    for (name, step, prompt) in [("film", film, "Film: {{ input.prompt }}"), ("sketch", sketch, "{{ input.prompt }}")] {
        let recipe = recipe(name, step);
        let files = [
            ("recipe.toml", recipe.as_str()),
            ("input.schema.json", schema),
            ("example.json", r#"{ "prompt": "Hello" }"#),
            ("prompt.j2", prompt),
        ];
        write(at, name, &files);
    }
}

/// 10,000 credits for a dollar and a quarter on top, from 1 to 5 credits. Each call of these tests costs $ 0.00014.
fn metered(at: &Path, name: &str, route: &str) {
    pair(at, name, "plan");
    let file = at.join(name).join("recipe.toml");
    let price = "price = { per_usd = 10000, margin = \"25%\", max = 5, min = 1 }";
    let text = fs::read_to_string(&file).unwrap().replace("price = 5", price);
    fs::write(&file, text.replace(r#"["demo/one"]"#, route)).unwrap();
}

fn letter(at: &Path) {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/newsletter");
    fs::create_dir(at.join("letter")).unwrap();
    for entry in fs::read_dir(built_in).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        let text = text.replace("name = \"newsletter\"", "name = \"letter\"").replace("price = 0", "price = 5");
        let text = text.replace("route = [\"demo/writer\"]", "route = [\"demo/one\"]");
        fs::write(at.join("letter").join(entry.file_name()), text).unwrap();
    }
}
