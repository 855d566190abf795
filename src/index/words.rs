//! The words of a text. `[IX-8]`
//!
//! Scripts that are written without spaces between words have no words that could be cut out without a
//! dictionary, and dictionaries change. Their runs are found by their characters and pairs of them.

use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::unicode::is_word;
use crate::error::Error;

/// The most different words and pairs of a value. A book has fewer: it bounds the work and the rows of one
/// value, and nothing that people write is refused by it.
pub(super) const MOST_WORDS: u16 = u16::MAX;
/// The most of one question, which a database joins by each of them.
const MOST_OF_A_QUESTION: usize = 255;

/// A run of a text that is looked for as a whole.
pub(crate) struct Run {
    text: Zeroizing<String>,
    is_spaced: bool,
}

/// The different runs of a normalized text, in order.
pub(super) fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<_> = split(text)
        .map(|(is_spaced, run)| Run { text: Zeroizing::new(run.into()), is_spaced })
        .collect();
    runs.sort_unstable_by(|a, b| a.text.as_str().cmp(&b.text));
    runs.dedup_by(|a, b| a.text == b.text);
    runs
}

/// Returns `true` if the runs of a value have the one that is asked for: as one of them, or within one.
pub(super) fn have(runs: &[Run], asked: &Run) -> bool {
    if asked.is_spaced {
        return runs.binary_search_by(|run| run.text.as_str().cmp(&asked.text)).is_ok();
    }
    runs.iter().any(|run| !run.is_spaced && run.text.contains(asked.text.as_str()))
}

impl Run {
    /// What the run is asked for by: itself, or its pairs.
    fn asked(&self) -> Vec<&str> {
        let pairs = if self.is_spaced { Vec::new() } else { grams(&self.text, 2) };
        if pairs.is_empty() { alloc::vec![self.text.as_str()] } else { pairs }
    }

    /// What the run is found by: itself, or its characters and pairs.
    fn found_by(&self) -> Vec<&str> {
        if self.is_spaced {
            return alloc::vec![self.text.as_str()];
        }
        let mut found_by = grams(&self.text, 1);
        found_by.extend(grams(&self.text, 2));
        found_by
    }
}

/// The different words that a value is found by.
pub(super) fn of_a_value(runs: &[Run]) -> Result<Vec<&str>, Error> {
    let words = distinct(runs.iter().flat_map(Run::found_by));
    if words.len() > usize::from(MOST_WORDS) {
        return Err(Error::invalid(
            "the text has more than 65,535 different words: keep it in several values, or index a part of it",
        ));
    }
    Ok(words)
}

/// The different words that ask for all of these runs.
pub(super) fn of_a_question(runs: &[Run]) -> Result<Vec<&str>, Error> {
    let words = distinct(runs.iter().flat_map(Run::asked));
    if words.len() > MOST_OF_A_QUESTION {
        return Err(Error::invalid(
            "the question has more than 255 different words: ask for fewer",
        ));
    }
    Ok(words)
}

fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut words: Vec<_> = words.collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// The runs of word characters, cut where a script with spaces meets one without.
fn split(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = text;
    core::iter::from_fn(move || {
        rest = rest.trim_start_matches(|char| !is_word(char));
        let is_spaced = !is_unspaced(rest.chars().next()?);
        let end = rest.find(|char| !is_word(char) || is_unspaced(char) == is_spaced);
        let (run, behind) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        rest = behind;
        Some((is_spaced, run))
    })
}

/// Every part of so many characters.
fn grams(text: &str, len: usize) -> Vec<&str> {
    let ends = text.char_indices().map(|(at, char)| at.saturating_add(char.len_utf8()));
    let starts = text.char_indices().map(|(at, _)| at);
    let ends = ends.skip(len.saturating_sub(1));
    starts.zip(ends).filter_map(|(start, end)| text.get(start..end)).collect()
}

/// Characters of scripts without spaces between words, and of Hangul, where particles are joined to words.
/// Ranges of code points, and not the property of a script, as that may be corrected.
fn is_unspaced(char: char) -> bool {
    matches!(
        u32::from(char),
        // Thai, Lao, Myanmar, Khmer, Tai Le and New Tai Lue, Tai Tham.
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x1950..=0x19FF | 0x1A20..=0x1AAF
            | 0xA9E0..=0xA9FF | 0xAA60..=0xAADF
            // Hangul.
            | 0x1100..=0x11FF | 0x3130..=0x318F | 0xA960..=0xA97F | 0xAC00..=0xD7FF
            // Han, Bopomofo, Hiragana, Katakana, Yi.
            | 0x2E80..=0x2FDF | 0x3005..=0x3007 | 0x3021..=0x3029 | 0x3031..=0x3035
            | 0x3038..=0x312F | 0x31A0..=0x31BF | 0x31F0..=0x31FF | 0x3400..=0x4DBF
            | 0x4E00..=0xA4CF | 0xF900..=0xFAFF | 0xFF66..=0xFF9F | 0x16FE0..=0x18DFF
            | 0x1AFF0..=0x1B16F | 0x1F200 | 0x20000..=0x3FFFF
    )
}

#[cfg(test)]
mod tests;
