//! How far a browser is believed: the cookie that carries a sign-in, and whether a request comes from a page of ours.
//! Browsers send cookies along whoever wrote the page, so for them a cookie alone is no proof (CSRF). Pure: headers come
//! in as texts.

/// The cookie behind TLS. Browsers keep a name that begins so only from https, for this host and for `/`.
const SECURE_COOKIE: &str = "__Host-copydesk";
/// The cookie on plain HTTP.
const PLAIN_COOKIE: &str = "copydesk";

/// How the request came to us, as far as the browser is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    Tls,
    Plain,
}

impl Wire {
    const fn cookie(self) -> &'static str {
        match self {
            Wire::Tls => SECURE_COOKIE,
            Wire::Plain => PLAIN_COOKIE,
        }
    }

    /// What stands in the headers `Cookie`. A cookie of the other kind is not looked at: over TLS nobody may plant one from
    /// plain HTTP. `None` also when there are two, of which one must be planted.
    pub fn read_cookie<'a>(self, headers: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let pairs = headers.into_iter().flat_map(|line| line.split(';'));
        let mut ours = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(name, _)| *name == self.cookie());
        let found = ours.next();
        found.filter(|_| ours.next().is_none()).map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// The header `Set-Cookie` that keeps `value`. Units: seconds.
    pub fn set_cookie(self, value: &str, age_max_s: u64) -> String {
        let name = self.cookie();
        match self {
            // Lax: a link in a mail or a chat opens the dashboard signed in. What changes anything is checked besides.
            Wire::Tls => format!("{name}={value}; Path=/; Max-Age={age_max_s}; HttpOnly; Secure; SameSite=Lax"),
            Wire::Plain => format!("{name}={value}; Path=/; Max-Age={age_max_s}; HttpOnly; SameSite=Strict"),
        }
    }

    pub fn clear_cookie(self) -> String {
        self.set_cookie("", 0)
    }
}

/// What a browser says of the page a request comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Said<'a> {
    /// `Sec-Fetch-Site`; browsers leave it out on plain HTTP.
    pub fetch_site: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// The host the request names.
    pub host: Option<&'a str>,
}

/// Whose page it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Page {
    Ours,
    /// Of another site, or of another host of this one.
    Other,
    /// Neither header is there: no browser, or one that only follows a link or reads.
    Unsaid,
}

impl Said<'_> {
    /// `public_url` is where browsers reach this server; empty when nobody knows.
    pub fn page(self, public_url: &str) -> Page {
        match (self.fetch_site, self.origin) {
            // `none` is the user's own doing: an address that was typed, a bookmark.
            (Some("same-origin" | "none"), None) => Page::Ours,
            (Some("same-origin" | "none"), Some(origin)) | (None, Some(origin)) => {
                if self.is_ours(origin, public_url) {
                    Page::Ours
                } else {
                    Page::Other
                }
            }
            (Some(_), _) => Page::Other,
            (None, None) => Page::Unsaid,
        }
    }

    fn is_ours(self, origin: &str, public_url: &str) -> bool {
        if !public_url.is_empty() && origin.eq_ignore_ascii_case(public_url) {
            return true;
        }
        let Some((scheme, host)) = origin.split_once("://") else { return false };
        // Who reaches us by https is not served pages by http: somebody in between would have written them.
        let downgraded = public_url.starts_with("https://") && !scheme.eq_ignore_ascii_case("https");
        let loopback =
            ["localhost", "127.0.0.1", "[::1]"].contains(&host.rsplit_once(':').map_or(host, |(name, _)| name));
        self.host.is_some_and(|ours| ours.eq_ignore_ascii_case(host)) && (!downgraded || loopback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://desk.example";

    #[test]
    fn a_page_is_ours_when_everything_it_says_of_itself_is() {
        let host = Some("desk.example");
        let said = |fetch_site, origin| Said { fetch_site, origin, host }.page(URL);
        assert_eq!(said(Some("same-origin"), Some(URL)), Page::Ours);
        assert_eq!(said(Some("none"), None), Page::Ours);
        assert_eq!(said(None, Some("https://DESK.example")), Page::Ours);
        assert_eq!(said(None, None), Page::Unsaid);
        for (site, origin) in [
            (Some("cross-site"), None),
            (Some("same-site"), Some("https://other.desk.example")),
            (Some("same-site"), Some(URL)),
            (Some("same-origin"), Some("https://evil.example")),
            (Some("anything else"), Some(URL)),
            (None, Some("null")),
            (None, Some("https://desk.example.evil.example")),
            (None, Some("https://desk.example:8443")),
            (None, Some("http://desk.example")),
        ] {
            assert_eq!(said(site, origin), Page::Other, "{site:?} {origin:?}");
        }
        let plain = Said { fetch_site: None, origin: Some("http://10.0.0.7:8420"), host: Some("10.0.0.7:8420") };
        assert_eq!((plain.page("http://127.0.0.1:8420"), plain.page("")), (Page::Ours, Page::Ours));
        assert_eq!(Said { host: None, ..plain }.page(""), Page::Other);
    }

    #[test]
    fn s_54_a_cookie_carries_every_flag_its_wire_allows() {
        let tls = Wire::Tls.set_cookie("dss_x", 60);
        assert_eq!(tls, "__Host-copydesk=dss_x; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax");
        let plain = Wire::Plain.set_cookie("dss_x", 60);
        assert_eq!(plain, "copydesk=dss_x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
        assert!(!tls.contains("Domain") && Wire::Tls.clear_cookie().contains("Max-Age=0"));
    }

    #[test]
    fn a_cookie_of_the_other_wire_or_a_second_one_counts_for_nothing() {
        let line = "a=b; __Host-copydesk=tls; copydesk=plain; c";
        assert_eq!(Wire::Tls.read_cookie([line]), Some("tls"));
        assert_eq!(Wire::Plain.read_cookie([line]), Some("plain"));
        assert_eq!(Wire::Plain.read_cookie([line, "copydesk=planted"]), None);
        assert_eq!(Wire::Tls.read_cookie(["copydesk=plain", "__Host-copydesk="]), None);
    }
}
