//! `cargo run -p copydesk-export --example pages -- FOLDER`: drafts that are hard to show, exported as a page and as the HTML
//! of a mail. `cargo xtask browser` looks at them in a browser.

use copydesk_core::Timestamp;
use copydesk_core::recipe::{Content, OutputForm};
use copydesk_export::{Document, letter, page};
use serde_json::json;
use std::path::PathBuf;

/// What breaks layouts: words and addresses without an end, wide tables, code, other scripts, deep headings.
fn hostile() -> String {
    let word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3);
    let address = format!("https://example.com/{}?{}", "a-very-long-path/".repeat(12), "q=1&".repeat(20));
    let row = |cell: &str| format!("|{}\n", format!(" {cell} |").repeat(14));
    let rule = format!("|{}\n", "---|".repeat(14));
    let table = format!("{}{rule}{}", row("heading"), row("some words in a cell").repeat(3));
    let headings: String =
        (1..=6).map(|level| format!("{} Heading {level} {word}\n\nText below.\n\n", "#".repeat(level))).collect();
    format!(
        "{headings}A paragraph with {word} and <{address}> and [a link]({address}).\n\n{table}\n\
         ```\nfn main() {{ println!(\"{}\"); }}\n```\n\nInline `{word}`.\n\n\
         מי שקורא מימין לשמאל רוצה שהטקסט יתחיל בצד הנכון.\n\nمرحبا بالعالم، هذا نص طويل من اليمين إلى اليسار.\n\n\
         Emoji: {} family 👨‍👩‍👧‍👦 and flags 🇵🇱🇩🇪\n\n> A quote with {word}\n>\n> > and another inside it\n\n\
         1. one\n   1. two\n      1. three\n         - four {word}\n\n---\n\n{}",
        "x".repeat(400),
        "🎉".repeat(120),
        "An ordinary paragraph of ordinary words, so that there is something to read. ".repeat(12),
    )
}

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| ".".into()));
    let topic =
        |n: usize| json!({"heading": format!("Topic {n}: tea and its friends"), "body": hostile(), "sources": [1]});
    let article = json!({
        "intro": "A plain introduction, with *emphasis* and **weight**.",
        "topics": (1..=3).map(topic).collect::<Vec<_>>(),
        "conclusion": "That was it.",
        "sources": [{"number": 1, "title": "x".repeat(200), "link": format!("https://example.com/{}", "b".repeat(300))}],
    });
    let mail = json!({"text": format!("Hi Marta,\n\n{}\n\nhttps://example.com/{}\n\nBest,\nAnn", "We roast our own beans. ".repeat(20), "c".repeat(200))});
    let drafts = [
        ("article", Content { form: OutputForm::Article, title: "Tea ".repeat(30), body: article }),
        (
            "text",
            Content { form: OutputForm::Text, title: "Hard to show".to_owned(), body: json!({"text": hostile()}) },
        ),
        ("mail", Content { form: OutputForm::Mail, title: "Your beans".to_owned(), body: mail }),
    ];
    std::fs::create_dir_all(&folder)?;
    for (name, content) in drafts {
        let document = Document { content: &content, made_at: Timestamp::from_micros(0), hash: [7; 32] };
        std::fs::write(folder.join(format!("{name}.page.html")), page(&document))?;
        std::fs::write(folder.join(format!("{name}.letter.html")), letter(&document))?;
    }
    Ok(())
}
