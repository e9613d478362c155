//! All recipes a server knows: the built-in ones and those of the user's folder. A shelf does not change; when the
//! folder does, a new shelf is made and swapped in.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::builtin::BUILT_IN;
use crate::check::recipe_folders;
use crate::fault::Fault;
use crate::loaded::LoadedRecipe;
use crate::loader::{RecipeFiles, load};

/// The recipes by name.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    recipes: BTreeMap<String, Arc<LoadedRecipe>>,
}

/// Why a shelf could not be made: every folder that has faults, with all of them.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct ShelfError {
    /// The folder, as a person would name it, and what is wrong there. Never empty.
    pub folders: Vec<(String, Vec<Fault>)>,
}

impl fmt::Display for ShelfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (folder, faults)) in self.folders.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "The recipe {folder} cannot be used:")?;
            for fault in faults {
                write!(f, "\n  {fault}")?;
            }
        }
        Ok(())
    }
}

impl Shelf {
    /// The built-in recipes. Errors: only if this program was built with a broken recipe, which its tests rule out.
    pub fn built_in() -> Result<Shelf, ShelfError> {
        let (mut recipes, mut folders) = (BTreeMap::new(), Vec::new());
        for (name, files) in BUILT_IN {
            match load(&RecipeFiles::compiled_in(name, files)) {
                Ok(loaded) => drop(recipes.insert(name.to_owned(), Arc::new(loaded))),
                Err(faults) => folders.push((format!("{name} (built in)"), faults)),
            }
        }
        if folders.is_empty() { Ok(Shelf { recipes }) } else { Err(ShelfError { folders }) }
    }

    /// This shelf and the recipes in the sub-folders of `path`. A recipe of the user may not have the name of one that
    /// is there already: which of the two ran would be a surprise.
    pub fn with_user_dir(mut self, path: &Path) -> Result<Shelf, ShelfError> {
        let shown = path.display().to_string();
        let listed = recipe_folders(path);
        let listed = listed.map_err(|fault| ShelfError { folders: vec![(shown, vec![fault])] })?;
        let mut folders = Vec::new();
        for folder in listed {
            let outcome = RecipeFiles::from_folder(&folder).and_then(|files| load(&files));
            match outcome.and_then(|loaded| self.not_there_yet(&folder, loaded)) {
                Ok(loaded) => drop(self.recipes.insert(loaded.recipe.name.clone(), Arc::new(loaded))),
                Err(faults) => folders.push((folder.display().to_string(), faults)),
            }
        }
        if folders.is_empty() { Ok(self) } else { Err(ShelfError { folders }) }
    }

    fn not_there_yet(&self, folder: &Path, loaded: LoadedRecipe) -> Result<LoadedRecipe, Vec<Fault>> {
        let name = &loaded.recipe.name;
        let Some(there) = self.recipes.get(name) else {
            return Ok(loaded);
        };
        let what =
            format!("the recipe {name:?} in {} has the name of another one ({})", folder.display(), there.origin);
        let fix = format!("Rename the folder and its `name`, for example to \"my-{name}\".");
        Err(vec![Fault::new("recipe.toml", what, fix).at("name")])
    }

    pub fn get(&self, name: &str) -> Option<Arc<LoadedRecipe>> {
        self.recipes.get(name).cloned()
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<&str> {
        self.recipes.keys().map(String::as_str).collect()
    }

    /// All recipes, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<LoadedRecipe>> {
        self.recipes.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn copy_of(recipe: &str, dir: &Path, name: &str) {
        let (_, files) = BUILT_IN.iter().find(|(built_in, _)| *built_in == recipe).unwrap();
        fs::create_dir(dir.join(name)).unwrap();
        for (file, text) in *files {
            let text = text.replace(&format!("name = \"{recipe}\""), &format!("name = \"{name}\""));
            fs::write(dir.join(name).join(file), text).unwrap();
        }
    }

    #[test]
    fn the_built_in_recipes_are_sound() {
        let shelf = Shelf::built_in().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(shelf.names(), ["newsletter", "outreach", "picture", "text", "video"]);
        for recipe in shelf.iter() {
            assert_eq!(recipe.validate(&recipe.example), Ok(()));
        }
    }

    #[test]
    fn a_folder_of_the_users_adds_recipes() {
        let dir = tempfile::tempdir().unwrap();
        copy_of("text", dir.path(), "haiku");
        let shelf = Shelf::built_in().unwrap().with_user_dir(dir.path()).unwrap();
        assert_eq!(shelf.names(), ["haiku", "newsletter", "outreach", "picture", "text", "video"]);
        assert!(shelf.get("haiku").is_some() && shelf.get("absent").is_none());
        assert_ne!(shelf.get("haiku").unwrap().recipe.version, shelf.get("text").unwrap().recipe.version);
    }

    #[test]
    fn a_users_recipe_does_not_silently_replace_a_built_in_one() {
        let dir = tempfile::tempdir().unwrap();
        copy_of("text", dir.path(), "text");
        copy_of("text", dir.path(), "haiku");
        fs::remove_file(dir.path().join("haiku/prompt.j2")).unwrap();
        let error = Shelf::built_in().unwrap().with_user_dir(dir.path()).unwrap_err();
        assert_eq!(error.folders.len(), 2, "both folders are reported: {error}");
        let said = error.to_string();
        let own = dir.path().join("text").display().to_string();
        assert!(said.contains(&own) && said.contains("built in"), "{said}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Shelf::built_in().unwrap().with_user_dir(&dir.path().join("absent")).is_err());
    }
}
