//! Text columns of databases that do not store what they are given.

/// A column of PostgreSQL that pads its texts with blanks, `CHAR(n)`, as sqlx names its type.
const PADDED: &str = "CHAR";
/// One that silently cuts texts after 63 bytes, and so destroys whatever is sealed.
const CUT: &str = "NAME";

/// The text form as it was stored: without the blanks that a column of type `stored` adds. The text form
/// itself has none (`[TX-3]`).
pub(crate) fn unpadded<'a>(stored: &str, text: &'a str) -> &'a str {
    if stored == PADDED { text.trim_end_matches(' ') } else { text }
}

/// Returns `true` if a column of type `stored` cuts texts.
pub(crate) fn is_cut(stored: &str) -> bool {
    stored == CUT
}
