//! `Prefer: wait=N`: how long a caller would rather wait for the end than get an id. What cannot be read is ignored, as
//! the standard wants it (RFC 7240).

use http::HeaderMap;
use std::time::Duration;

const WAIT_MAX_S: u64 = 60;

/// The wait that was asked for, at most a minute.
pub(crate) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split(','));
    let seconds = preferences.filter_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        let asked = value.trim().trim_matches('"').parse::<u64>().ok()?;
        name.trim().eq_ignore_ascii_case("wait").then_some(asked)
    });
    seconds
        .into_iter()
        .next()
        .filter(|seconds| *seconds > 0)
        .map(|seconds| Duration::from_secs(seconds.min(WAIT_MAX_S)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_a_readable_wait_counts() {
        let table = [
            ("wait=5", Some(5)),
            ("respond-async, Wait = \"10\"; x", Some(10)),
            ("wait=600", Some(60)),
            ("wait=0", None),
            ("wait", None),
            ("wait=-1", None),
            ("return=minimal", None),
        ];
        for (text, seconds) in table {
            let headers =
                HeaderMap::from_iter([(http::HeaderName::from_static("prefer"), HeaderValue::from_static(text))]);
            assert_eq!(wait(&headers), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
