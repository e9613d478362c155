//! Under which name an export is saved: the draft's title, as far as it can stand in a name on any system.

/// The longest name before its ending. Units: characters.
const CHARS_MAX: usize = 80;
/// Names that are devices on some system.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// `title.ending`; `otherwise` where the title has nothing that can stand in a name.
pub fn file_name(title: &str, otherwise: &str, ending: &str) -> String {
    let fits = |sign: char| sign.is_alphanumeric() || "-_.,+()'".contains(sign);
    let words: String = title.chars().map(|sign| if fits(sign) { sign } else { ' ' }).collect();
    let joined = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = joined.chars().take(CHARS_MAX).collect();
    let name = cut.trim_matches(|sign: char| sign == '.' || sign == ' ' || sign == '-');
    let numbered = |name: &str| {
        let (start, number) = name.split_at(name.len().min(3));
        matches!(start, "com" | "lpt") && number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let lower = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let device = DEVICES.contains(&lower.as_str()) || lower.is_ascii() && numbered(&lower);
    match name {
        "" => format!("{otherwise}.{ending}"),
        name if device => format!("{otherwise} {name}.{ending}"),
        name => format!("{name}.{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_49_a_name_is_harmless_wherever_it_is_saved() {
        let long = "ä".repeat(200);
        let cut = format!("{}.md", "ä".repeat(80));
        let table = [
            ("The week: Rust & more", "The week Rust more.md"),
            ("Größe", "Größe.md"),
            ("a\";x=.html", "a x .html.md"),
            ("../../etc/passwd", "etc passwd.md"),
            ("..", "drf_1.md"),
            ("", "drf_1.md"),
            ("???", "drf_1.md"),
            (".hidden", "hidden.md"),
            ("CON", "drf_1 CON.md"),
            ("com1.txt", "drf_1 com1.txt.md"),
            ("a\r\nb\0c", "a b c.md"),
            ("\u{202e}gpj.exe", "gpj.exe.md"),
            (long.as_str(), cut.as_str()),
        ];
        for (title, want) in table {
            assert_eq!(file_name(title, "drf_1", "md"), want, "{title:?}");
        }
    }
}
