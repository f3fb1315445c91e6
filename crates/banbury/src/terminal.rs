use std::io::{IsTerminal, Write};

/// Whether standard output takes colours.
pub fn colour() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && (set("CLICOLOR_FORCE") || std::io::stdout().is_terminal())
}

/// Columns to fill; the same for every file and pipe.
pub fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    columns.filter(|_| std::io::stdout().is_terminal()).unwrap_or(140).clamp(60, 400)
}

/// Writes to standard error, and ignores that it may be closed.
pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
