//! Macros that every file knows: the compiler's own, and constants of the C library.

use std::sync::{Arc, OnceLock};

use banbury_base::Symbol;
use rustc_hash::FxHashMap;

use super::macros::Macro;
use super::scan::{DirectiveKind, scan};
use super::walk::builtins;
use crate::Options;

type Table = FxHashMap<Symbol, Arc<Macro>>;

/// The prelude for the target of `options`.
pub(super) fn macros(options: &Options) -> Table {
    static LP64: OnceLock<Table> = OnceLock::new();
    let mut table = LP64.get_or_init(|| read(include_str!("prelude.h"))).clone();
    if options.pointer_bytes == 4 {
        for name in ["__x86_64__", "__x86_64", "__amd64__", "__LP64__", "_LP64"] {
            table.remove(&Symbol::new(name));
        }
        table.extend(read(include_str!("prelude_ilp32.h")));
    }
    table
}

/// Entries of `known_macros.h`: the directories of headers that they hold for, and the meaning
/// (nothing: uses stay calls).
pub(super) type Known = FxHashMap<Symbol, (&'static [&'static str], Option<Arc<Macro>>)>;

/// Macros whose own definition says more than an analysis needs.
pub(super) fn known_macros() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let text = include_str!("known_macros.h");
        let mut known = Known::default();
        let mut directories: &'static [&'static str] = &[];
        for directive in scan(text.as_bytes(), false).directives {
            let meaning = match directive.kind {
                DirectiveKind::Define => {
                    let (from, end) = (directive.body, directive.end);
                    Some(Arc::new(Macro::parse(text.as_bytes(), directive.name, from, end, false)))
                }
                DirectiveKind::Undef => None,
                _ => {
                    let line = text.get(directive.body as usize..directive.end as usize).unwrap_or("");
                    if let Some(list) = line.trim().strip_prefix("from ") {
                        directories = list.split_whitespace().collect::<Vec<_>>().leak();
                    }
                    continue;
                }
            };
            known.insert(directive.name, (directories, meaning));
        }
        known
    })
}

fn read(text: &str) -> Table {
    let mut table = Table::default();
    for directive in scan(text.as_bytes(), false).directives {
        if directive.kind == DirectiveKind::Define {
            let mut made =
                Macro::parse(text.as_bytes(), directive.name, directive.body, directive.end, false);
            made.soft = true;
            table.insert(directive.name, Arc::new(made));
        }
    }
    for builtin in builtins() {
        table.insert(builtin.name, Arc::new(builtin));
    }
    table
}
