//! The demo writer's outreach mail: reads whom the prompt names and writes them a short mail. Pure, and honest: it says
//! nothing of the prospect but what the prompt says.

use super::words::{Die, clip};
use serde_json::{Value, json};

/// What mail programs show of a subject. Units: characters.
const SUBJECT_CHARS_MAX: usize = 60;
/// How much of the prospect's page is quoted. Units: characters.
const QUOTE_CHARS_MAX: usize = 120;

/// What a prompt says of whom it wants a mail to.
pub(crate) struct Prospect<'a> {
    contact: Option<&'a str>,
    company: Option<&'a str>,
    page: Option<&'a str>,
    follows_up: bool,
}

/// The prospect of a prompt that asks for a mail.
pub(crate) fn prospect_in(prompt: &str) -> Option<Prospect<'_>> {
    // The rules name the fence, too, on a line of their own.
    let (_, fenced) = prompt.split_once("\n<prospect>\n")?;
    let (inside, after) = fenced.split_once("</prospect>")?;
    let line = |label: &str| inside.lines().find_map(|line| line.strip_prefix(label)).map(str::trim);
    let page = inside.split_once("Their page says:\n").map(|(_, page)| page.trim());
    let said = |text: Option<&'_ str>| text.is_some_and(|text| !text.is_empty());
    let (contact, company) = (line("Contact:"), line("Company:"));
    Some(Prospect {
        contact: contact.filter(|_| said(contact)),
        company: company.filter(|_| said(company)),
        page: page.filter(|_| said(page)),
        follows_up: after.contains("<earlier>"),
    })
}

pub(crate) fn mail(prospect: &Prospect<'_>, die: &mut Die) -> Value {
    let company = clip(prospect.company.unwrap_or("your work"), 40);
    let subject = match prospect.follows_up {
        true => format!("One more thought for {company}"),
        false => {
            die.pick(&["A short note about {c}", "An idea for {c}", "A question about {c}"]).replace("{c}", &company)
        }
    };
    let greeting = prospect.contact.map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {},", clip(name, 60)));
    let seen = match prospect.page {
        Some(page) => {
            let sentence = page.split_inclusive(['.', '!', '?']).next().unwrap_or(page);
            format!(
                "I read on your page: “{}” That is why I am writing to you.",
                clip(sentence.trim(), QUOTE_CHARS_MAX)
            )
        }
        None => format!("I came across {company} and wanted to write to you in person."),
    };
    let offer = match prospect.follows_up {
        true => "I wrote a little while ago and do not want to repeat myself, so here is the short version.",
        false => die.pick(&[
            "We may have something that saves you time, and it is easy to find out whether it fits.",
            "There may be a small thing we could do for you, and it takes ten minutes to see whether it is useful.",
        ]),
    };
    let close = "Would a short call next week suit you? If not, a line back is enough and I will leave it there.";
    let body = format!("{greeting}\n\n{seen}\n\n{offer} {close}\n\nKind regards");
    json!({ "subject": clip(&subject, SUBJECT_CHARS_MAX), "body": body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_written_to_whom_the_prompt_names() {
        let prompt = "Rules: between <prospect> and </prospect>.\nWrite.\n\n<prospect>\nContact: Marta\nCompany: Cafe Aurora\n\
                      Their page says:\nWe roast our own beans. And bake.\n</prospect>\n";
        let prospect = prospect_in(prompt).unwrap();
        let said = mail(&prospect, &mut Die::new(1));
        let body = said["body"].as_str().unwrap();
        assert!(body.starts_with("Hello Marta,\n\n") && body.contains("“We roast our own beans.”"), "{body}");
        assert!(said["subject"].as_str().unwrap().ends_with("Cafe Aurora"));
        assert_eq!(said, mail(&prospect, &mut Die::new(1)), "the same request, the same words");
        let again = format!("{prompt}\n<earlier>\nSubject: A\n</earlier>");
        assert!(
            mail(&prospect_in(&again).unwrap(), &mut Die::new(1))["subject"].as_str().unwrap().contains("One more")
        );
    }

    #[test]
    fn a_prompt_about_something_else_is_none_and_a_long_name_is_cut() {
        assert!(prospect_in("Write about prospects.").is_none());
        let prompt = format!("\n<prospect>\nCompany: {}\n</prospect>", "C".repeat(200));
        let said = mail(&prospect_in(&prompt).unwrap(), &mut Die::new(3));
        assert!(said["subject"].as_str().unwrap().chars().count() <= SUBJECT_CHARS_MAX);
    }
}
