//! Gathers the text of every setting from its sources, strictest first, and remembers the origins. It gives no meaning
//! to the texts; `settings.rs` does.

use super::environment::Environment;
use super::keys::{KEYS, Key};
use super::{ConfigError, packs, providers, rates};
use copydesk_desk::credits::Packs;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Flag(String),
    Variable(String),
    /// The file a `_FILE` variable names.
    VariableFile(String, PathBuf),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => write!(f, "flag {flag}"),
            Origin::Variable(name) => write!(f, "variable {name}"),
            Origin::VariableFile(name, path) => write!(f, "variable {name}, file {}", path.display()),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A setting's text, its origin and the origins it hides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub text: String,
    pub origin: Origin,
    pub hides: Vec<Origin>,
}

/// Flags of the command line by setting name.
pub type Flags = BTreeMap<&'static str, String>;

/// All settings as texts.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub values: BTreeMap<&'static str, Value>,
    pub providers: providers::Providers,
    pub rates: Vec<rates::RateSettings>,
    pub packs: Packs,
}

/// The settings file read when none is named and this one exists.
const DEFAULT_FILE: &str = "copydesk.toml";

impl Loaded {
    /// Reads all sources. `file` is the settings file the caller named, if any.
    pub fn read(flags: &Flags, environment: &Environment, file: Option<&Path>) -> Result<Loaded, ConfigError> {
        let (path, table) = read_file(file)?;
        refuse_unknown(environment, &path, &table)?;
        let mut values = BTreeMap::new();
        for key in KEYS {
            let mut found: Vec<(String, Origin)> = Vec::new();
            if let Some(text) = flags.get(key.name) {
                found.push((text.clone(), Origin::Flag(format!("--{}", key.name.replace('_', "-")))));
            }
            found.extend(from_environment(key, environment)?);
            let written = if key.name == "credits" { packs::switch(&table) } else { at(&table, key.name) };
            if let Some(value) = written {
                found.push((plain(value), Origin::File(path.clone())));
            }
            found.push((key.default.to_owned(), Origin::Default));
            let mut found = found.into_iter();
            if let Some((text, origin)) = found.next() {
                let hides = found.map(|(_, origin)| origin).filter(|origin| *origin != Origin::Default).collect();
                values.insert(key.name, Value { text, origin, hides });
            }
        }
        let (rates, packs) = (rates::read(&path, &table)?, packs::read(&table)?);
        Ok(Loaded { values, providers: providers::read(environment, &path, &table)?, rates, packs })
    }

    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |value| &value.text)
    }
}

/// A key's value; `table.key` stands under `[table]`.
fn at<'t>(table: &'t toml::Table, name: &str) -> Option<&'t toml::Value> {
    match name.split_once('.') {
        Some((inner, name)) => table.get(inner)?.as_table()?.get(name),
        None => table.get(name),
    }
}

fn from_environment(key: &Key, environment: &Environment) -> Result<Vec<(String, Origin)>, ConfigError> {
    let mut found = Vec::new();
    for name in std::iter::once(&key.env).chain(key.aliases) {
        let file_name = format!("{name}_FILE");
        let file = environment.get(&file_name).filter(|_| key.secret);
        if let Some(text) = environment.get(name) {
            if file.is_some() {
                return Err(ConfigError::BothSet { first: (*name).to_owned(), second: file_name });
            }
            found.push((text.to_owned(), Origin::Variable((*name).to_owned())));
        } else if let Some(path) = file {
            found.push((read_secret(Path::new(path))?, Origin::VariableFile(file_name, path.into())));
        }
    }
    Ok(found)
}

/// A secret from a file, without the newline that editors add.
pub(super) fn read_secret(path: &Path) -> Result<String, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { path: path.display().to_string(), reason: error.to_string() })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_file(named: Option<&Path>) -> Result<(PathBuf, toml::Table), ConfigError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE)).to_path_buf();
    if named.is_none() && !path.exists() {
        return Ok((path, toml::Table::new()));
    }
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(&path)
        .map_err(|error| ConfigError::Unreadable { path: shown.clone(), reason: error.to_string() })?;
    let table = text
        .parse()
        .map_err(|error: toml::de::Error| ConfigError::BadFile { path: shown, reason: error.to_string() })?;
    Ok((path, table))
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        // A list is written with commas everywhere else.
        toml::Value::Array(items) if items.iter().all(toml::Value::is_str) => {
            items.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
        }
        other @ (toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_)) => other.to_string(),
    }
}

fn refuse_unknown(environment: &Environment, path: &Path, table: &toml::Table) -> Result<(), ConfigError> {
    let known_names: Vec<&str> = KEYS.iter().map(|key| key.name).chain(["providers", "rates"]).collect();
    // A table of ours that is no table is unknown as a whole.
    let is_ours =
        |name: &str| known_names.iter().any(|known| known.split_once('.').is_some_and(|(own, _)| own == name));
    let inner = |name: &String, value: &toml::Value| match value.as_table().filter(|_| is_ours(name)) {
        Some(table) => table.keys().map(|key| format!("{name}.{key}")).collect(),
        None => vec![name.clone()],
    };
    let mut given = table.iter().flat_map(|(name, value)| inner(name, value));
    if let Some(name) = given.find(|name| !known_names.contains(&name.as_str())) {
        let near = nearest(&name, known_names.iter().copied());
        return Err(ConfigError::Unknown { what: format!("{name:?} in {}", path.display()), near });
    }
    let known: Vec<String> = KEYS.iter().flat_map(|key| [key.env.to_owned(), format!("{}_FILE", key.env)]).collect();
    let stranger = environment.0.keys().find(|name| {
        name.starts_with("COPYDESK_")
            && !name.starts_with("COPYDESK_PROVIDER_")
            && !name.starts_with("COPYDESK_TEST_")
            && !known.contains(name)
    });
    match stranger {
        Some(name) => Err(ConfigError::Unknown {
            what: format!("variable {name}"),
            near: nearest(name, known.iter().map(String::as_str)),
        }),
        None => Ok(()),
    }
}

/// The known name that differs least, if it is near enough to be meant.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|candidate| (edits(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 2 + candidate.len() / 6)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Levenshtein distance.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn every_key_is_taken_from_the_strictest_source_and_says_what_it_hides() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        for key in KEYS {
            std::fs::write(&path, format!("{} = \"from-file\"\n", key.name)).unwrap();
            let with_all = Loaded::read(
                &Flags::from([(key.name, "from-flag".to_owned())]),
                &environment(&[(key.env, "from-variable")]),
                Some(&path),
            )
            .unwrap();
            let value = &with_all.values[key.name];
            assert_eq!(value.text, "from-flag");
            assert_eq!(value.hides, vec![Origin::Variable(key.env.to_owned()), Origin::File(path.clone())]);
            let without_flag = Loaded::read(&Flags::new(), &environment(&[(key.env, "from-variable")]), Some(&path));
            assert_eq!(without_flag.unwrap().values[key.name].text, "from-variable");
            let only_file = Loaded::read(&Flags::new(), &Environment::default(), Some(&path)).unwrap();
            assert_eq!(only_file.values[key.name].origin, Origin::File(path.clone()));
        }
    }

    #[test]
    fn seed_s2_the_original_variables_are_understood() {
        let seeds = environment(&[("GENERATION_MAX_CONCURRENT", "7"), ("GENERATION_USE_QUEUE", "false")]);
        let loaded = Loaded::read(&Flags::new(), &seeds, None).unwrap();
        assert_eq!(loaded.text("max_concurrent"), "7");
        assert_eq!(loaded.text("use_queue"), "false");
    }

    #[test]
    fn a_misspelt_setting_stops_the_start_and_names_the_near_one() {
        let error = Loaded::read(&Flags::new(), &environment(&[("COPYDESK_MAX_CONCURENT", "5")]), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "variable COPYDESK_MAX_CONCURENT is not a setting of Copydesk; did you mean COPYDESK_MAX_CONCURRENT?"
        );
    }

    #[test]
    fn a_misspelt_key_of_a_table_is_named_with_its_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, "[retention]\nusages = \"400d\"\n").unwrap();
        let error = Loaded::read(&Flags::new(), &Environment::default(), Some(&path)).unwrap_err().to_string();
        assert!(error.contains("\"retention.usages\"") && error.contains("did you mean retention.usage?"), "{error}");
    }

    #[test]
    fn a_secret_can_come_from_a_file_but_not_from_two_places() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "0123456789abcdef\n").unwrap();
        let shown = path.display().to_string();
        let loaded = Loaded::read(&Flags::new(), &environment(&[("COPYDESK_ADMIN_KEY_FILE", &shown)]), None).unwrap();
        assert_eq!(loaded.text("admin_key"), "0123456789abcdef");
        let both = environment(&[("COPYDESK_ADMIN_KEY_FILE", &shown), ("COPYDESK_ADMIN_KEY", "x")]);
        assert!(matches!(Loaded::read(&Flags::new(), &both, None), Err(ConfigError::BothSet { .. })));
    }
}
