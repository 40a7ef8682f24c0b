//! Text of strangers: names on chain, logs of other programs, a node's messages, members of a file. Whoever shows such
//! text to a person shows it through [`visible`], so that it can neither act on a terminal, nor hide, nor reorder what
//! stands around it.

use {
    icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint},
    std::{borrow::Cow, fmt::Write},
};

/// Text in which characters that act or hide are written as what they are: `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_hidden(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// Whether a character acts on a terminal or a page or is not seen there: control characters (terminal escapes begin
/// with one), separators that break lines, and what Unicode calls default ignorable, which includes everything that
/// reorders text.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        // Separators of lines and paragraphs, and the marks of annotations.
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
        || (!character.is_ascii() && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character))
}

/// At most so many characters of a text, with a sign that there were more.
pub(crate) fn clipped(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Text in which every URL is cut to its scheme and host: paths, queries and user names of nodes hold access keys.
pub fn hosts_only(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        safe.push_str(before);
        let ends_url = |character: char| character.is_whitespace() || "\"'<>(),;".contains(character);
        let (url, beyond) = after.split_at(after.find(ends_url).unwrap_or(after.len()));
        let authority = url.split(['/', '?', '#']).next().unwrap_or(url);
        safe.push_str(authority.rsplit_once('@').map_or(authority, |(_, host)| host));
        rest = beyond;
    }
    safe.push_str(rest);
    safe
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_hides_is_shown_instead() {
        assert_eq!(visible("Söderbärke 🌞 太陽 שמש"), "Söderbärke 🌞 太陽 שמש");
        assert_eq!(visible("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(visible("a\u{202e}b\u{2066}\u{200b}\r\n\u{9b}"), "a\\u{202e}b\\u{2066}\\u{200b}\\u{d}\\u{a}\\u{9b}");
        for hidden in
            "\u{0}\u{7f}\u{ad}\u{34f}\u{61c}\u{115f}\u{17b4}\u{180e}\u{200d}\u{200f}\u{2028}\u{2029}\u{202a}\u{2060}\
                       \u{2069}\u{206f}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{1bca0}\u{1d173}\u{e0041}\u{e0100}"
                .chars()
        {
            assert!(is_hidden(hidden), "{hidden:?}");
        }
    }

    #[test]
    fn a_url_is_shown_without_what_may_be_an_access_key() {
        for (text, shown) in [
            ("https://rpc.example.org/?api-key=SECRET", "https://rpc.example.org"),
            ("https://rpc.example.org:8443/v2/SECRET/", "https://rpc.example.org:8443"),
            ("http://user:SECRET@localhost:8899", "http://localhost:8899"),
            ("wss://a.b/SECRET#SECRET", "wss://a.b"),
            (
                "sending to url (https://a.b/?k=SECRET) or wss://c.d/SECRET failed",
                "sending to url (https://a.b) or wss://c.d failed",
            ),
            ("no URL, a:b and c//d", "no URL, a:b and c//d"),
        ] {
            assert_eq!(hosts_only(text), shown);
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(clipped("äöü".into(), 3), "äöü");
        assert_eq!(clipped("äöü".into(), 2), "äö…");
    }
}
