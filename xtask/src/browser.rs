//! `cargo xtask browser`: exports that are hard to show, looked at in headless Chromium at the width of a phone and of a desk, in
//! light and in dark: nothing is wider than the window, text has at least 14 px and enough contrast, and nothing is loaded.
//! Without a browser this says so and is content; with `--must` that is a failure. `--keep` leaves pictures behind.

use crate::install;
use crate::shell::{self, Outcome, Verdict, cargo};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// Units: CSS pixels.
const WIDTHS: [u32; 2] = [360, 1_280];
/// What Chromium calls a preference for dark and for light.
const SCHEMES: [(&str, &str); 2] = [("dark", "0"), ("light", "1")];
/// Between these the probe says what it found.
const BEGIN: &str = "FOUND[";
const END: &str = "]FOUND";

/// Measures the frames of the page it stands in, once all are there. Each export stands in a frame as it is, byte for byte.
const PROBE: &str = r#"
addEventListener('load', () => {
  const found = [];
  const light = (c) => { const f = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 };
    return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]) };
  const read = (text) => { const n = text.match(/[\d.]+/g).map(Number); return n.length < 4 ? [n[0], n[1], n[2], 1] : n };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat([1]);
  for (const frame of document.querySelectorAll('iframe')) {
    const page = frame.contentDocument, view = frame.contentWindow, name = frame.title + ': ';
    const root = page.documentElement;
    if (root.scrollWidth > view.innerWidth) found.push(name + 'is ' + root.scrollWidth + ' px wide');
    if (view.performance.getEntriesByType('resource').length) found.push(name + 'loads something');
    const canvas = page.createElement('div');
    canvas.style.background = 'Canvas';
    page.body.append(canvas);
    const ground = read(view.getComputedStyle(canvas).backgroundColor);
    canvas.remove();
    if (frame.dataset.scheme === 'dark' && light(ground) > 0.2) found.push(name + 'stays light in the dark');
    let texts = 0;
    for (const one of page.body.querySelectorAll('*')) {
      if (![...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
      texts += 1;
      const style = view.getComputedStyle(one), words = one.tagName + ' ' + one.textContent.slice(0, 20);
      if (parseFloat(style.fontSize) < 14) found.push(name + style.fontSize + ' in ' + words);
      const layers = [];
      for (let at = one; at; at = at.parentElement) layers.unshift(read(view.getComputedStyle(at).backgroundColor));
      const below = layers.reduce((below, top) => over(top, below), ground);
      const pair = [light(over(read(style.color), below)), light(below)].sort((a, b) => b - a);
      if ((pair[0] + 0.05) / (pair[1] + 0.05) < 4.5) found.push(name + 'too little contrast in ' + words);
    }
    if (!texts) found.push(name + 'shows no text');
  }
  const said = document.createElement('pre');
  said.textContent = 'FOUND' + JSON.stringify(found) + 'FOUND';
  document.body.append(said);
});
"#;

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let browser = match BROWSERS.iter().find(|name| install::on_path(name)) {
        Some(browser) => browser,
        None if has("--must") => return Err(format!("no browser on PATH: one of {}", BROWSERS.join(", "))),
        None => {
            println!("skipped: no browser on PATH (`apt-get install chromium` on Debian and Ubuntu)");
            return Ok(Verdict::Good);
        }
    };
    let folder = std::env::temp_dir().join(format!("copydesk-browser-{}", std::process::id()));
    let exported = folder.join("exported");
    let mut pages = cargo(["run", "--quiet", "--package", "copydesk-export", "--example", "pages", "--"]);
    if !shell::run(pages.arg(&exported))?.success() {
        return Err("the exports could not be written".to_owned());
    }
    let mut verdict = Verdict::Good;
    for (scheme, preference) in SCHEMES {
        let probe = folder.join(format!("probe-{scheme}.html"));
        let text = probe_of(&exported, scheme)?;
        fs::write(&probe, text).map_err(|error| format!("cannot write {}: {error}", probe.display()))?;
        let looked = look(browser, &folder, &probe, preference, &["--dump-dom"])?;
        let found = findings(&looked).ok_or_else(|| format!("the probe said nothing in {scheme}"))?;
        println!("{scheme}: {} findings", found.len());
        for one in &found {
            println!("  {one}");
            verdict = Verdict::Bad;
        }
        if has("--keep") {
            let picture = format!("--screenshot={}", folder.join(format!("{scheme}.png")).display());
            look(browser, &folder, &probe, preference, &[&picture])?;
        }
    }
    if has("--keep") {
        println!("the pages and pictures are in {}", folder.display());
    } else {
        fs::remove_dir_all(&folder).map_err(|error| format!("{} stays: {error}", folder.display()))?;
    }
    Ok(verdict)
}

/// Every export in a frame of every width.
fn probe_of(exported: &Path, scheme: &str) -> Outcome<String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", exported.display());
    let mut files: Vec<PathBuf> =
        fs::read_dir(exported).map_err(unreadable)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut frames = String::new();
    for file in &files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let html = fs::read_to_string(file).map_err(unreadable)?.replace('&', "&amp;").replace('"', "&quot;");
        for width in WIDTHS {
            frames.push_str(&format!(
                "<iframe title=\"{name} at {width} px\" data-scheme=\"{scheme}\" width=\"{width}\" height=\"1400\" \
                 style=\"border:1px solid;vertical-align:top\" srcdoc=\"{html}\"></iframe>\n"
            ));
        }
    }
    Ok(format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\">\n\
         <script>{PROBE}</script>\n{frames}"
    ))
}

fn look(browser: &str, folder: &Path, page: &Path, preference: &str, what: &[&str]) -> Outcome<String> {
    let mut command = Command::new(browser);
    command.args(["--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--window-size=1800,9000"]);
    command.args(["--virtual-time-budget=10000", "--force-device-scale-factor=1"]);
    command.arg(format!("--blink-settings=preferredColorScheme={preference}"));
    command.arg(format!("--user-data-dir={}", folder.join("browser").display()));
    if install::is_root() {
        // Its sandbox refuses root, which is what builds in containers run as.
        command.arg("--no-sandbox");
    }
    shell::capture(command.args(what).arg(format!("file://{}", page.display())))
}

fn findings(dom: &str) -> Option<Vec<String>> {
    let (_, rest) = dom.rsplit_once(&format!("<pre>{BEGIN}"))?;
    let (list, _) = rest.split_once(END)?;
    let list = list.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    serde_json::from_str(&format!("[{list}]")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_probe_says_is_read_and_silence_is_no_praise() {
        assert_eq!(findings("<pre>FOUND[]FOUND</pre>"), Some(vec![]));
        let one = findings("x<pre>FOUND[\"a &amp; b\"]FOUND</pre>");
        assert_eq!(one, Some(vec!["a & b".to_owned()]));
        assert_eq!(findings("<pre>nothing</pre>"), None);
    }
}
