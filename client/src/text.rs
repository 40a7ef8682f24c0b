//! Text from strangers: names on chain, logs of other programs, a node's messages, members of a file. Show such text to
//! people through [`visible`]: it then controls no terminal, hides nothing and reorders nothing.

use {
    icu_properties::{
        CodePointMapData, CodePointSetData,
        props::{DefaultIgnorableCodePoint, Emoji, ExtendedPictographic, Script},
    },
    std::{borrow::Cow, fmt::Write},
};

/// The text with its hidden characters escaped, such as `\u{202e}`. Joiners and selectors stay where a script or an emoji
/// needs them.
pub fn visible(text: &str) -> Cow<'_, str> {
    let mut hidden = hidden(text).peekable();
    if hidden.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    let mut shown = 0;
    for (place, character) in hidden {
        safe.push_str(&text[shown..place]);
        safe.extend(character.escape_unicode());
        shown = place + character.len_utf8();
    }
    safe.push_str(&text[shown..]);
    Cow::Owned(safe)
}

/// Whether a character controls a terminal or a page, or cannot be seen there: control characters (terminal escapes
/// begin with one), separators that break lines, and what Unicode calls default ignorable, which includes everything
/// that reorders text.
/// See [`hidden`] for those that a text needs where they stand.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        // Separators of lines and paragraphs, and the marks of annotations.
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
        || (!character.is_ascii() && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character))
}

/// Hidden characters of a text and their places in bytes, without joiners and selectors that shape what is seen before
/// them: joiners within Arabic, Indic and other scripts that use them and within emoji, selectors behind emoji, Han and
/// Mongolian characters, and tags of flags.
pub fn hidden(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut context = Context::default();
    text.char_indices().filter(move |&(place, character)| {
        let next = || text[place + character.len_utf8()..].chars().next();
        !context.take(character, next) && is_hidden(character)
    })
}

/// What stands before a character.
#[derive(Default)]
struct Context {
    /// The last character.
    last: Option<char>,
    /// The last character that is seen and has a script or is an emoji.
    base: Option<char>,
}

impl Context {
    /// Goes on by a character; tells whether the text needs it here although it is hidden by itself.
    fn take(&mut self, character: char, next: impl Fn() -> Option<char>) -> bool {
        let needed = self.needs(character, next);
        self.last = Some(character);
        if !is_hidden(character) && script(character) != Script::Inherited {
            self.base = Some(character);
        }
        needed
    }

    fn needs(&self, character: char, next: impl Fn() -> Option<char>) -> bool {
        let (Some(last), Some(base)) = (self.last, self.base) else { return false };
        match character {
            '\u{200c}' | '\u{200d}' if uses_joiners(base) => !is_hidden(last),
            // Between two pictures, the first one perhaps with its selector or skin.
            '\u{200d}' => {
                let is_picture = |character| CodePointSetData::new::<ExtendedPictographic>().contains(character);
                (is_picture(last) || matches!(last, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}'))
                    && next().is_some_and(is_picture)
            }
            '\u{fe0e}' | '\u{fe0f}' if last.is_ascii() => {
                matches!(last, '0'..='9' | '#' | '*') && next() == Some('\u{20e3}')
            }
            '\u{fe0e}' | '\u{fe0f}' => CodePointSetData::new::<Emoji>().contains(last),
            '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => script(last) == Script::Han,
            '\u{180b}'..='\u{180f}' => script(last) == Script::Mongolian,
            // A flag's tags follow the black flag, up to the last one, which ends them.
            '\u{e0020}'..='\u{e007f}' => {
                base == '\u{1f3f4}' && (last == base || matches!(last, '\u{e0020}'..='\u{e007e}'))
            }
            _ => false,
        }
    }
}

fn script(character: char) -> Script {
    CodePointMapData::<Script>::new().get(character)
}

/// Whether joiners change how letters of the character's script look.
fn uses_joiners(character: char) -> bool {
    const WITHOUT: [Script; 11] = [
        Script::Common,
        Script::Inherited,
        Script::Unknown,
        Script::Latin,
        Script::Greek,
        Script::Cyrillic,
        Script::Hebrew,
        Script::Han,
        Script::Hiragana,
        Script::Katakana,
        Script::Hangul,
    ];
    !WITHOUT.contains(&script(character))
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
        if url.len() == authority.len() + 1 && url.ends_with('/') {
            safe.push('/');
        }
        rest = beyond;
    }
    safe.push_str(rest);
    safe
}

/// Scheme and host of a text that is no URL, as far as it can be told: for errors about one.
pub fn host_only(text: &str) -> String {
    let (scheme, rest) = text.split_at(text.find("://").map_or(0, |at| at + "://".len()));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}{host}")
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
            ("http://localhost:8899/", "http://localhost:8899/"),
            (
                "sending to url (https://a.b/?k=SECRET) or wss://c.d/SECRET failed",
                "sending to url (https://a.b) or wss://c.d failed",
            ),
            ("no URL, a:b and c//d", "no URL, a:b and c//d"),
        ] {
            assert_eq!(hosts_only(text), shown);
        }
        for (text, shown) in [
            ("rpc.example.org/?api-key=SECRET", "rpc.example.org"),
            ("user:SECRET@localhost:8899", "localhost:8899"),
            ("ftp://a.b/SECRET", "ftp://a.b"),
            ("devnet", "devnet"),
            ("http://a b/?api-key=SECRET", "http://a b"),
        ] {
            assert_eq!(host_only(text), shown);
        }
    }

    #[test]
    fn joiners_and_selectors_are_shown_where_a_script_needs_them() {
        for needed in [
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{915}\u{94d}\u{200d}\u{937}",
            "\u{d28}\u{d4d}\u{200d}",
            "\u{628}\u{64e}\u{200d}",
            "☀\u{fe0f} Sunny",
            "1\u{fe0f}\u{20e3}",
            "\u{1f469}\u{200d}\u{1f33e}",
            "\u{1f469}\u{1f3fd}\u{200d}\u{1f33e}",
            "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "\u{845b}\u{e0100}",
            "\u{182d}\u{180b}",
        ] {
            assert_eq!(visible(needed), needed, "{needed:?}");
        }
        // The same ones where they only hide.
        for (hiding, shown) in [
            ("M01\u{200d}", "M01\\u{200d}"),
            ("\u{200c}M", "\\u{200c}M"),
            ("M0\u{fe0f}1", "M0\\u{fe0f}1"),
            ("A\u{e0067}\u{e007f}", "A\\u{e0067}\\u{e007f}"),
            ("\u{1f3f4}\u{e0067}\u{e007f}\u{e0067}", "\u{1f3f4}\u{e0067}\u{e007f}\\u{e0067}"),
            ("\u{62e}\u{200d}\u{200d}", "\u{62e}\u{200d}\\u{200d}"),
            ("\u{1f469}\u{200d}x", "\u{1f469}\\u{200d}x"),
            ("\u{62e}\u{202e}\u{62e}", "\u{62e}\\u{202e}\u{62e}"),
            ("a\u{e0100}", "a\\u{e0100}"),
        ] {
            assert_eq!(visible(hiding), shown, "{hiding:?}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(clipped("äöü".into(), 3), "äöü");
        assert_eq!(clipped("äöü".into(), 2), "äö…");
    }
}
