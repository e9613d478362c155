//! The search language of lists: `?q=status:failed recipe:newsletter user:"Anna B"` says the same as a parameter for each. It
//! has no meaning of its own, so that whatever can be searched for can also be filtered, listed, exported and acted on.

use copydesk_desk::error::Fault;

/// Its name in the address.
pub(crate) const Q: &str = "q";
/// What is asked of the page and not of the rows.
const OF_PAGES: [&str; 5] = [Q, "limit", "order", "cursor", "expand"];

/// The parameters a search stands for, and what is wrong with it.
pub(crate) fn read(search: &str) -> (Vec<(String, String)>, Vec<Fault>) {
    let (mut pairs, mut faults) = (Vec::new(), Vec::new());
    let mut rest = search.trim_start();
    while !rest.is_empty() {
        let (term, after) = match cut(rest) {
            Some(parts) => parts,
            None => {
                faults.push(Fault::new("?q", "malformed", format!("the quote in {} has no end", shown(rest))));
                break;
            }
        };
        match pair(term) {
            Ok(pair) => pairs.push(pair),
            Err(detail) => faults.push(Fault::new("?q", "malformed", detail)),
        }
        rest = after.trim_start();
    }
    (pairs, faults)
}

/// The first term, and what stands behind it; `None` when a quote is left open.
fn cut(rest: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (at, letter) in rest.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            space if space.is_whitespace() && !quoted => return Some(rest.split_at(at)),
            _ => {}
        }
    }
    (!quoted).then_some((rest, ""))
}

fn pair(term: &str) -> Result<(String, String), String> {
    let Some((name, value)) = term.split_once(':') else {
        return Err(format!("{} is no field:value, as in status:failed user:\"Anna B\"", shown(term)));
    };
    if let Some(bare) = name.strip_prefix('-') {
        return Err(format!("{} excludes, which lists cannot do: ask for what you want of {bare}", shown(term)));
    }
    if OF_PAGES.contains(&name) {
        return Err(format!("{name} is said beside q, as a parameter of its own"));
    }
    let bare = match value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
        Some(inner) => inner,
        None => value,
    };
    if bare.is_empty() || bare.contains('"') {
        return Err(format!("{} has no value that can be read", shown(term)));
    }
    Ok((name.to_owned(), bare.to_owned()))
}

fn shown(term: &str) -> String {
    format!("{:?}", term.chars().take(80).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(search: &str) -> Vec<(String, String)> {
        let (pairs, faults) = read(search);
        assert!(faults.is_empty(), "{search}: {faults:?}");
        pairs
    }

    #[test]
    fn a_term_is_a_parameter() {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs(""), []);
        assert_eq!(
            pairs("  status:failed  user:\"Anna B\" external_id:a:b "),
            [own("status", "failed"), own("user", "Anna B"), own("external_id", "a:b")]
        );
    }

    #[test]
    fn what_is_no_term_is_named() {
        for (search, said) in [
            ("sea", "no field:value"),
            ("-status:failed", "excludes"),
            ("limit:5", "beside q"),
            ("q:x", "beside q"),
            ("status:", "no value"),
            ("user:\"Anna", "has no end"),
            ("user:An\"na\"", "no value"),
        ] {
            let (pairs, faults) = read(search);
            assert!(pairs.is_empty(), "{search}");
            assert!(faults[0].detail.contains(said), "{search}: {}", faults[0].detail);
        }
    }
}
