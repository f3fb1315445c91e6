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
