//! Sources: where the items of a newsletter come from, when one is fetched again, and by what its items are told apart.
//! Nothing here fetches anything.

mod schedule;
mod state;

pub use schedule::{BadSchedule, EVERY_MAX, EVERY_MIN, RETRY_AFTER_MAX, Schedule, again};
pub use state::{Kind, State};

use sha2::{Digest, Sha256};

/// Why a fetch brought nothing, in a word and a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    pub code: String,
    pub message: String,
}

/// What an entry is known by within its source: its own mark, else its address without what only tracks, else its words.
/// The same entry has the same key at every fetch. 64 signs.
pub fn key_of(mark: Option<&str>, link: Option<&str>, title: &str, text: &str) -> String {
    let mark = mark.map(str::trim).filter(|mark| !mark.is_empty());
    let hash = match (mark, link) {
        (Some(mark), _) => Sha256::new().chain_update("mark\0").chain_update(mark),
        (None, Some(link)) => Sha256::new().chain_update("link\0").chain_update(untracked(link)),
        (None, None) => Sha256::new().chain_update("text\0").chain_update(title).chain_update("\0").chain_update(text),
    };
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The address without its fragment and the parameters that only say where a reader came from.
pub fn untracked(link: &str) -> String {
    let whole = link.split('#').next().unwrap_or_default();
    let Some((address, query)) = whole.split_once('?') else { return whole.to_owned() };
    let tracks = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        name.starts_with("utm_")
            || ["fbclid", "gclid", "mc_cid", "mc_eid", "igshid", "msclkid"].contains(&name.as_str())
    };
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !tracks(pair)).collect();
    if kept.is_empty() { address.to_owned() } else { format!("{address}?{}", kept.join("&")) }
}

/// The title of a text: its first heading or line, without marks of Markdown.
pub fn title_of(text: &str) -> Option<String> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let heading = lines().find(|line| line.starts_with("# ")).or_else(|| lines().next())?;
    let title = crate::recipe::items::cut(heading.trim_start_matches('#').trim(), 200);
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_known_by_its_mark_then_by_its_address_then_by_its_words() {
        let key = |mark, link| key_of(mark, link, "A", "b");
        assert_eq!(key(Some("1"), Some("https://a.example/1")), key(Some(" 1 "), None));
        assert_ne!(key(Some("1"), None), key(Some("2"), None));
        let tracked = "https://a.example/1?utm_source=x&id=7&fbclid=y#top";
        assert_eq!(key(None, Some(tracked)), key(Some(" "), Some("https://a.example/1?id=7")));
        assert_ne!(key(None, Some("https://a.example/1?id=8")), key(None, Some(tracked)));
        assert_ne!(key(None, None), key_of(None, None, "A", "c"));
        assert_ne!(key(Some("https://a.example/1"), None), key(None, Some("https://a.example/1")));
        assert_eq!(key(None, None).len(), 64);
    }

    #[test]
    fn only_what_tracks_goes_from_an_address() {
        assert_eq!(untracked("https://a.example/?utm_medium=x"), "https://a.example/");
        assert_eq!(untracked("https://a.example/?b=1&&UTM_X=2&c"), "https://a.example/?b=1&c");
        assert_eq!(untracked("https://a.example/x#y?z"), "https://a.example/x");
    }

    #[test]
    fn a_text_is_called_by_its_first_heading_or_line() {
        assert_eq!(title_of("\nHello\n\n# The *news*\nx").as_deref(), Some("The *news*"));
        assert_eq!(title_of("One\nTwo").as_deref(), Some("One"));
        assert_eq!(title_of(" \n"), None);
    }

    #[test]
    fn a_state_follows_from_what_is() {
        let said = |fetched, failing, paused| State::of(fetched, failing, paused).as_str();
        assert_eq!((said(false, false, false), said(true, false, false)), ("pending", "active"));
        assert_eq!((said(true, true, false), said(true, true, true)), ("error", "paused"));
        for (place, state) in State::ALL.into_iter().enumerate() {
            assert_eq!((State::parse(state.as_str()), state.number()), (Some(state), i64::try_from(place).unwrap()));
        }
    }
}
