//! One file read from top to bottom: which macros are visible where, which arm of each
//! conditional group counts, and the tokens that result.

use std::sync::Arc;

use banbury_base::{FileId, Span, Symbol};
use rustc_hash::FxHashMap;

use super::expand::{Source, USE_BUDGET};
use super::fileset::Bits;
use super::macros::{Builtin, Macro, PAINTED, SPACE, Tok, is_core_keyword, is_soft_keyword, names};
use super::scan::{Directive, DirectiveKind, FileScan, NONE};
use super::{Expanded, Preprocessor};
use crate::lexer::{Lexeme, Lexer};
use crate::token::{Token, TokenKind};

/// Files pasted into one file, one in the other.
const MAX_FRAMES: usize = 16;
/// Bytes pasted into one file.
const PASTE_BUDGET: usize = 8 << 20;

/// A token with its place in the file.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    pub tok: Tok,
    line: u32,
    col: u16,
    len: u16,
}

/// What a name means at this point of the file.
#[derive(Clone, Copy)]
enum Entry {
    /// Defined in this file (or one pasted into it), by number in the table.
    Own(u32),
    /// Defined in this file, not parsed yet.
    Lazy { file: u32, directive: u32 },
    /// `#undef` in this file.
    Undefined,
    /// Learnt from headers, options or the prelude; forgotten at the next include.
    Derived(Option<u32>),
}

/// A file being read.
#[derive(Clone)]
struct Frame<'p> {
    file: u32,
    lexer: Lexer<'p>,
    /// The next directive.
    next: usize,
    /// Line and column of the include that pasted it.
    pasted_at: Option<(u32, u16)>,
}

pub(super) struct Walker<'p> {
    pub(super) pp: &'p Preprocessor,
    pub(super) file: u32,
    pub(super) cpp: bool,
    entries: FxHashMap<Symbol, Entry>,
    derived: Vec<Symbol>,
    own: Vec<Symbol>,
    pub(super) table: Vec<Arc<Macro>>,
    /// Headers visible so far, and those included directly, in order.
    visible: Bits,
    pub(super) included: Vec<u32>,
    /// Headers that the files around this one include.
    around: Option<Bits>,
    /// A condition asked for a name that is defined somewhere, but not in sight.
    pub(super) wanting: bool,
    /// The condition at hand guards a default of a name that it asks for.
    pub(super) gives_default: bool,

    // Expansion.
    pub(super) sources: Vec<Source>,
    pub(super) floor: usize,
    pub(super) sealed: bool,
    pub(super) collecting: bool,
    pub(super) pending: Option<Placed>,
    pub(super) nesting: usize,
    pub(super) fuel: u32,
    pub(super) file_fuel: u64,
    pub(super) blown: bool,
    pub(super) counter: u32,

    frames: Vec<Frame<'p>>,
    paste_budget: usize,
    out: Vec<Token>,
    depth: i32,
    /// Depths of the braces of `extern "C" {`.
    transparent: Vec<i32>,
    current_use: Option<Placed>,
    undecided: Vec<(u32, u32)>,
    errors: Vec<(Span, String)>,
    missing_includes: u32,
}

/// Where reading goes on after a directive.
enum Flow {
    Next,
    /// At this directive's end, or at the end of the file.
    After(u32),
    Paste(u32),
}

/// What a header does to those who include it.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// Directives that are not skipped.
    pub active: Bits,
    /// Active includes of files of the release: directive and header number, in order.
    pub includes: Vec<(u32, u32)>,
    /// A condition asked for a name that some header defines, but none in sight.
    pub wanting: bool,
}

impl<'p> Walker<'p> {
    pub(super) fn new(pp: &'p Preprocessor, file: u32) -> Walker<'p> {
        Walker {
            pp,
            file,
            cpp: pp.is_cpp(file),
            entries: FxHashMap::with_capacity_and_hasher(64, Default::default()),
            derived: Vec::new(),
            own: Vec::new(),
            table: Vec::new(),
            visible: Bits::new(pp.headers.len()),
            included: Vec::new(),
            around: None,
            wanting: false,
            gives_default: false,
            sources: Vec::new(),
            floor: 0,
            sealed: false,
            collecting: false,
            pending: None,
            nesting: 0,
            fuel: USE_BUDGET,
            file_fuel: 4_000_000 + 16 * pp.text(file).len() as u64,
            blown: false,
            counter: 0,
            frames: Vec::new(),
            paste_budget: PASTE_BUDGET,
            out: Vec::new(),
            depth: 0,
            transparent: Vec::new(),
            current_use: None,
            undecided: Vec::new(),
            errors: Vec::new(),
            missing_includes: 0,
        }
    }

    /// Reads the file as a header among those that files around it include.
    pub(super) fn within(mut self, around: Option<Bits>) -> Walker<'p> {
        self.around = around;
        self
    }

    pub(super) fn path(&self) -> &'p str {
        &self.pp.files[self.file as usize].path
    }

    pub(super) fn use_line(&self) -> u32 {
        self.current_use.map_or(0, |placed| placed.line)
    }

    // Names.

    /// The macro that `name` stands for here, by number in the table.
    pub(super) fn lookup(&mut self, name: Symbol) -> Option<u32> {
        if !self.pp.defined_names.contains(name.index() as u32) {
            return None;
        }
        match self.entries.get(&name) {
            Some(Entry::Own(id)) => Some(*id),
            Some(Entry::Undefined) => None,
            Some(Entry::Derived(id)) => *id,
            Some(&Entry::Lazy { file, directive }) => self.parse_own(name, file, directive),
            None => {
                let around = self.around.as_ref();
                let found = self.pp.derive(self.file, name, &self.visible, &self.included, around);
                let id = found.map(|found| self.add(found));
                self.entries.insert(name, Entry::Derived(id));
                self.derived.push(name);
                id
            }
        }
    }

    /// Like [`Walker::lookup`], in this file and what it includes only. A default that a header
    /// gives (`#ifndef X`, `#define X`) is given whatever the files around it say.
    pub(super) fn lookup_here(&mut self, name: Symbol) -> Option<u32> {
        let around = self.around.take();
        let known = matches!(self.entries.get(&name), Some(Entry::Derived(_)));
        if known {
            self.entries.remove(&name);
        }
        let id = self.lookup(name);
        if matches!(self.entries.get(&name), Some(Entry::Derived(_))) {
            self.entries.remove(&name);
        }
        self.around = around;
        id
    }

    fn add(&mut self, definition: Arc<Macro>) -> u32 {
        self.table.push(definition);
        self.table.len() as u32 - 1
    }

    fn parse_own(&mut self, name: Symbol, file: u32, directive: u32) -> Option<u32> {
        let parsed = self.pp.parse_macro(file, directive);
        let barred = is_core_keyword(name) || (is_soft_keyword(name) && !parsed.harmless_for_keyword());
        let entry = if barred { Entry::Undefined } else { Entry::Own(self.add(Arc::new(parsed))) };
        self.entries.insert(name, entry);
        match entry {
            Entry::Own(id) => Some(id),
            _ => None,
        }
    }

    fn define(&mut self, name: Symbol, entry: Entry) {
        if self.pp.forced(self.file, name) {
            return;
        }
        if !matches!(
            self.entries.insert(name, entry),
            Some(Entry::Own(_) | Entry::Lazy { .. } | Entry::Undefined)
        ) {
            self.own.push(name);
        }
    }

    /// Makes a header's macros visible. What it redefines or undefines of ours is no longer ours.
    fn include(&mut self, header: u32) {
        let before = (self.own.len() <= 256 && !self.own.is_empty()).then(|| self.visible.clone());
        self.pp.add_closure(header, &mut self.visible);
        self.included.push(header);
        for name in self.derived.drain(..) {
            if let Some(Entry::Derived(_)) = self.entries.get(&name) {
                self.entries.remove(&name);
            }
        }
        let Some(before) = before else { return };
        for name in std::mem::take(&mut self.own) {
            if self.pp.overrides(name, &before, &self.visible) {
                self.entries.remove(&name);
            } else {
                self.own.push(name);
            }
        }
    }

    // Directives.

    fn scan_of(&self, file: u32) -> &'p FileScan {
        &self.pp.scans[file as usize]
    }

    /// Obeys a directive. `paste`: an include may be answered with [`Flow::Paste`].
    fn obey(&mut self, file: u32, index: u32, paste: bool) -> Flow {
        let scan = self.scan_of(file);
        let directive = &scan.directives[index as usize];
        match directive.kind {
            DirectiveKind::Define => self.define(directive.name, Entry::Lazy { file, directive: index }),
            DirectiveKind::Undef => self.define(directive.name, Entry::Undefined),
            DirectiveKind::Include | DirectiveKind::IncludeNext => {
                return self.obey_include(file, index, paste);
            }
            kind if kind.opens() => return self.obey_if(file, index),
            // Reached by falling through the arm before: the group is done.
            kind if directive.arm != NONE && !kind.opens() => return Flow::After(end_of_group(scan, index)),
            _ => {}
        }
        Flow::Next
    }

    fn obey_if(&mut self, file: u32, index: u32) -> Flow {
        let own_file = file == self.file && self.frames.len() <= 1;
        if own_file && index == self.scan_of(file).guard {
            return Flow::Next;
        }
        let choice = self.choose(file, index);
        if choice.undecided && own_file {
            self.undecided.push((self.scan_of(file).directives[index as usize].line, choice.ordinal));
        }
        if choice.arm == index { Flow::Next } else { Flow::After(choice.arm) }
    }

    fn obey_include(&mut self, file: u32, index: u32, paste: bool) -> Flow {
        let directive = &self.scan_of(file).directives[index as usize];
        let mut target = self.pp.targets[file as usize].get(directive.link as usize).copied().unwrap_or(NONE);
        let mut system = directive.system;
        let mut name = directive.name;
        if name.is_empty() {
            (target, system, name) = self.computed_include(file, directive);
        }
        if target == NONE {
            let known = system && super::include::is_standard_header(name.as_str());
            self.missing_includes += u32::from(!known);
            return Flow::Next;
        }
        let header = self.pp.header_number(target);
        if paste && (header == NONE || self.wants_paste(file, index, target)) {
            return Flow::Paste(target);
        }
        if header != NONE && target != self.file {
            self.include(header);
        }
        Flow::Next
    }

    fn computed_include(&mut self, file: u32, directive: &Directive) -> (u32, bool, Symbol) {
        let tokens = self.directive_tokens(file, directive);
        let expanded = self.expand_isolated(tokens);
        let (system, name) = match expanded.first() {
            Some(first) if first.kind == TokenKind::Str => {
                (false, first.text.as_str().trim_matches('"').to_owned())
            }
            Some(first) if first.kind == TokenKind::Lt => {
                let inner = expanded.iter().skip(1).take_while(|t| t.kind != TokenKind::Gt);
                (true, inner.map(|t| t.spelling()).collect::<String>())
            }
            _ => return (NONE, false, Symbol::EMPTY),
        };
        (self.pp.find_include(file, &name, system), system, Symbol::new(&name))
    }

    /// Expands the tokens of a directive with the state of the text around it kept apart.
    pub(super) fn expand_isolated(&mut self, tokens: Vec<Tok>) -> Vec<Tok> {
        let (fuel, blown) = (std::mem::replace(&mut self.fuel, USE_BUDGET), std::mem::take(&mut self.blown));
        // Inside the arguments of an invocation no macro is being expanded yet.
        let sources = std::mem::take(&mut self.sources);
        let floor = std::mem::take(&mut self.floor);
        let out = self.expand_list(tokens);
        (self.fuel, self.blown) = (fuel, blown);
        (self.sources, self.floor) = (sources, floor);
        out
    }

    pub(super) fn directive_tokens(&self, file: u32, directive: &Directive) -> Vec<Tok> {
        let text = self.pp.text(file);
        let text = text.get(..directive.end as usize).unwrap_or(text);
        let mut lexer = Lexer::at(text, directive.body as usize, directive.line, self.cpp);
        let mut out = Vec::new();
        loop {
            let lexeme = lexer.next_token();
            if lexeme.kind == TokenKind::Eof {
                return out;
            }
            out.push(tok_of(&lexer, &lexeme));
        }
    }

    /// Headers that are lists of macro uses (X-macros), fragments of initialisers and included
    /// source files are pasted.
    fn wants_paste(&self, file: u32, index: u32, target: u32) -> bool {
        if is_fragment_path(&self.pp.files[target as usize].path) {
            return true;
        }
        let depth = self.depth - self.transparent.len() as i32;
        if (depth > 0 && !self.cpp) || self.collecting {
            return true;
        }
        let open = self.out.last().is_some_and(|t| {
            matches!(t.kind, TokenKind::Eq | TokenKind::Comma | TokenKind::LParen | TokenKind::LBracket)
        });
        if open {
            return true;
        }
        // `#define X(...)` before, or `#undef X` after: the header is there to use X.
        let scan = self.scan_of(file);
        let kind = |at: Option<u32>| at.and_then(|at| scan.directives.get(at as usize)).map(|d| d.kind);
        !self.scan_of(target).guarded()
            && (kind(index.checked_sub(1)) == Some(DirectiveKind::Define)
                || kind(index.checked_add(1)) == Some(DirectiveKind::Undef))
    }

    /// What the file, as a header, gives to those who include it.
    pub(super) fn resolve(mut self) -> Resolved {
        let scan = self.scan_of(self.file);
        let mut active = Bits::new(scan.directives.len());
        let mut includes = Vec::new();
        let mut index = 0u32;
        while let Some(directive) = scan.directives.get(index as usize) {
            active.insert(index);
            let before = self.included.len();
            let flow = self.obey(self.file, index, false);
            if directive.kind.is_include() && self.included.len() > before {
                includes.push((index, self.included[before]));
            }
            index = match flow {
                Flow::After(NONE) => break,
                Flow::After(at) => at + 1,
                _ => index + 1,
            };
        }
        Resolved { active, includes, wanting: self.wanting }
    }

    // Text.

    fn open(&mut self, file: u32, pasted_at: Option<(u32, u16)>) {
        let lexer = Lexer::new(self.pp.text(file), self.pp.is_cpp(file));
        self.frames.push(Frame { file, lexer, next: 0, pasted_at });
    }

    /// The next token of the text, directives obeyed. While arguments are being collected the end
    /// of a pasted file is an end.
    pub(super) fn next_placed(&mut self) -> Option<Placed> {
        if let Some(pending) = self.pending.take() {
            return Some(pending);
        }
        loop {
            let frame = self.frames.last_mut()?;
            let lexeme = frame.lexer.next_token();
            match lexeme.kind {
                TokenKind::Eof => {
                    if self.collecting || self.frames.len() == 1 {
                        return None;
                    }
                    self.frames.pop();
                }
                TokenKind::Hash if lexeme.first => self.text_directive(&lexeme),
                _ => {
                    let (line, col) = frame.pasted_at.unwrap_or((lexeme.line, lexeme.col()));
                    let tok = tok_of(&frame.lexer, &lexeme);
                    return Some(Placed { tok, line, col, len: lexeme.len() });
                }
            }
        }
    }

    /// Obeys the directive whose `#` was just read.
    fn text_directive(&mut self, hash: &Lexeme) {
        let Some(frame) = self.frames.last() else { return };
        let (file, index) = (frame.file, frame.next as u32);
        let scan = self.scan_of(file);
        // The scan met the same directives; where it did not, none is skipped silently.
        let Some(directive) = scan.directives.get(index as usize).filter(|d| d.start == hash.start) else {
            let at = scan.directives.partition_point(|d| d.start < hash.start);
            if let Some(frame) = self.frames.last_mut() {
                frame.next = at;
                if scan.directives.get(at).is_none_or(|d| d.start != hash.start) {
                    frame.lexer.skip_directive();
                } else {
                    return self.text_directive(hash);
                }
            }
            return;
        };
        let place = self.frames.last().and_then(|f| f.pasted_at).unwrap_or((hash.line, hash.col()));
        let may_paste = self.frames.len() < MAX_FRAMES;
        self.go_on_after(directive, index + 1);
        match self.obey(file, index, may_paste) {
            Flow::Next => {}
            Flow::After(NONE) => self.go_on_at_end(file),
            Flow::After(at) => self.go_on_after(&scan.directives[at as usize], at + 1),
            Flow::Paste(target) => {
                let size = self.pp.text(target).len();
                if size <= self.paste_budget {
                    self.paste_budget -= size;
                    self.open(target, Some(place));
                } else {
                    self.report(place.0, place.1, "too much text included into this place");
                }
            }
        }
    }

    fn go_on_after(&mut self, directive: &Directive, next: u32) {
        if let Some(frame) = self.frames.last_mut() {
            frame.lexer.jump(directive.end as usize, directive.end_line);
            frame.next = next as usize;
        }
    }

    fn go_on_at_end(&mut self, file: u32) {
        let (len, lines) = (self.pp.text(file).len(), self.scan_of(file).lines);
        if let Some(frame) = self.frames.last_mut() {
            frame.lexer.jump(len, lines);
        }
    }

    fn report(&mut self, line: u32, col: u16, message: &str) {
        let span = Span { file: FileId(self.file), line, col, len: 0 };
        self.errors.push((span, message.to_owned()));
    }

    // Output.

    pub(super) fn run(mut self) -> Expanded {
        self.out.reserve(self.pp.text(self.file).len() / 6 + 8);
        self.open(self.file, None);
        while let Some(placed) = self.next_placed() {
            if placed.tok.kind == TokenKind::Ident
                && placed.tok.flags & PAINTED == 0
                && let Some(id) = self.lookup(placed.tok.text)
            {
                self.use_macro(placed, id);
            } else {
                self.emit(placed.tok, &placed, Symbol::EMPTY);
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Expanded {
        let line = self.scan_of(self.file).lines;
        if let Some(around) = &self.around {
            self.visible.union_bits(around);
        }
        self.out.push(Token {
            kind: TokenKind::Eof,
            text: Symbol::EMPTY,
            line,
            col: 1,
            len: 0,
            in_macro: Symbol::EMPTY,
        });
        if self.out.capacity() > 2 * self.out.len() {
            self.out.shrink_to_fit();
        }
        Expanded {
            tokens: self.out,
            undecided: self.undecided,
            errors: self.errors,
            missing_includes: self.missing_includes,
            visible: self.visible.to_set(),
            includes: self.included,
        }
    }

    /// Expands the macro that a token of the text names, and writes the result. If that fails,
    /// the token is written as it is and reading goes on after it.
    fn use_macro(&mut self, name: Placed, id: u32) {
        if self.table[id as usize].soft && self.means_something_else() {
            return self.emit(name.tok, &name, Symbol::EMPTY);
        }
        if self.file_fuel == 0 || self.is_being_defined(id) {
            return self.emit(name.tok, &name, Symbol::EMPTY);
        }
        let frames = self.frames.len();
        let checkpoint = (self.frames.last().cloned(), self.pending, self.out.len(), self.depth);
        self.fuel = USE_BUDGET.min(self.file_fuel.min(u64::from(u32::MAX)) as u32);
        let granted = self.fuel;
        self.current_use = Some(name);
        if !self.enter(name.tok, id) {
            return self.emit(name.tok, &name, Symbol::EMPTY);
        }
        while !self.blown
            && let Some(tok) = self.next_expanded()
        {
            self.emit(tok, &name, name.tok.text);
        }
        self.file_fuel = self.file_fuel.saturating_sub(u64::from(granted - self.fuel));
        self.sources.clear();
        if std::mem::take(&mut self.blown) {
            let (frame, pending, len, depth) = checkpoint;
            self.frames.truncate(frames);
            if let (Some(last), Some(frame)) = (self.frames.last_mut(), frame) {
                *last = frame;
            }
            (self.pending, self.depth) = (pending, depth);
            self.out.truncate(len);
            self.report(name.line, name.col, "macro use not expanded: unterminated or too large");
            self.emit(name.tok, &name, Symbol::EMPTY);
        }
    }

    /// The name of a function that a header replaces by a statement or a constant where a feature
    /// is off stands in the function's own definition: `int f(...)` at file scope, whose macro
    /// would put a statement or a number there.
    fn is_being_defined(&mut self, id: u32) -> bool {
        let after_type = self.depth <= self.transparent.len() as i32
            && self.out.last().is_some_and(|t| {
                t.kind == TokenKind::Star
                    || (t.kind == TokenKind::Ident && !is_core_keyword(t.text) || is_type_word(t))
            });
        after_type && self.table[id as usize].replaces_a_function() && self.is_next(TokenKind::LParen)
    }

    fn is_next(&mut self, kind: TokenKind) -> bool {
        self.pending = self.next_placed();
        self.pending.as_ref().is_some_and(|next| next.is(kind))
    }

    /// Signs that a name of the prelude is the program's own here: it is a member, or it is being
    /// declared or assigned.
    fn means_something_else(&mut self) -> bool {
        if self.out.last().is_some_and(|t| matches!(t.kind, TokenKind::Dot | TokenKind::Arrow)) {
            return true;
        }
        self.is_next(TokenKind::Eq)
    }

    fn emit(&mut self, tok: Tok, at: &Placed, in_macro: Symbol) {
        match tok.kind {
            TokenKind::LBrace => {
                self.depth += 1;
                if let [.., a, b] = self.out.as_slice()
                    && b.text == names().extern_c
                    && a.text == names().r#extern
                {
                    self.transparent.push(self.depth);
                }
            }
            TokenKind::RBrace => {
                if self.transparent.last() == Some(&self.depth) {
                    self.transparent.pop();
                }
                self.depth -= 1;
            }
            _ => {}
        }
        self.out.push(Token {
            kind: tok.kind,
            text: tok.text,
            line: at.line,
            col: at.col,
            len: at.len,
            in_macro,
        });
    }
}

fn is_type_word(token: &Token) -> bool {
    token.kind == TokenKind::Ident
        && matches!(
            token.text.as_str(),
            "void" | "char" | "short" | "int" | "long" | "float" | "double" | "unsigned"
        )
}

fn tok_of(lexer: &Lexer<'_>, lexeme: &Lexeme) -> Tok {
    Tok { kind: lexeme.kind, text: lexer.spelling(lexeme), flags: if lexeme.space { SPACE } else { 0 } }
}

/// Files that are made to be included into the middle of something, by their name.
pub(super) fn is_fragment_path(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(extension, "def" | "inc" | "tbl" | "x" | "c" | "inl")
}

/// The `#endif` of the group that the arm at `index` belongs to, or [`NONE`].
pub(super) fn end_of_group(scan: &FileScan, mut index: u32) -> u32 {
    while let Some(directive) = scan.directives.get(index as usize) {
        if directive.kind == DirectiveKind::Endif {
            return index;
        }
        index = directive.link;
    }
    NONE
}

/// Macros that the preprocessor computes, and operators that mean nothing to an analysis.
pub(super) fn builtins() -> Vec<Macro> {
    let made = |name: &str, builtin| Macro::builtin(Symbol::new(name), builtin);
    vec![
        made("__LINE__", Some(Builtin::Line)),
        made("__FILE__", Some(Builtin::File)),
        made("__BASE_FILE__", Some(Builtin::File)),
        made("__FILE_NAME__", Some(Builtin::File)),
        made("__COUNTER__", Some(Builtin::Counter)),
        made("__INCLUDE_LEVEL__", Some(Builtin::Level)),
        made("__DATE__", Some(Builtin::Date)),
        made("__TIME__", Some(Builtin::Date)),
        made("__TIMESTAMP__", Some(Builtin::Date)),
        made("_Pragma", None),
    ]
}
