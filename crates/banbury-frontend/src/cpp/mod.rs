//! The C++ parser: tree-sitter's concrete tree turned into the shared syntax tree.
//!
//! Two entries differ in what tree-sitter gets to read. [`parse_cpp_tokens`] takes a file's
//! tokens after preprocessing, with macros expanded; [`parse_cpp`] takes plain text and merely
//! blanks directives and the arms of `#if` that are not chosen.
//!
//! Names lose their namespaces, so that a call and a definition in different files meet;
//! `std::` stays, since library models are keyed by it. What does not parse costs its region
//! alone, and everything recognisable inside that region is kept.

mod blank;
mod decls;
mod exprs;
mod kinds;
mod literals;
mod names;
mod render;
mod source;
mod stmts;
#[cfg(test)]
mod tests;
mod types;

use banbury_base::{FileId, Span, Symbol};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;
use std::ops::ControlFlow;
use tree_sitter::{Node, ParseOptions, ParseState, Parser, Tree, TreeCursor};

use crate::ast::{Decl, SyntaxError, TranslationUnit};
use crate::token::Token;
use kinds::{Fields, Grammar, Kind};
use source::Source;

/// Nesting beyond this is replaced by [`crate::ast::ExprKind::Unknown`] and its like.
const MAX_DEPTH: u32 = 160;

/// Regions listed per function or file; code that is worse than this is no C++.
const MAX_ERRORS: usize = 32;

/// Parses the text of a C++ file. Directives are blanked, one arm of each `#if` is kept, macros
/// are not expanded.
pub fn parse_cpp(file: FileId, text: &[u8]) -> TranslationUnit {
    let text = blank::blank_directives(text);
    convert(&Source { file, text, rows: Vec::new(), new_stars: Vec::new() })
}

/// Parses a C++ file out of its preprocessed tokens; positions are those that the tokens carry.
pub fn parse_cpp_tokens(file: FileId, tokens: &[Token]) -> TranslationUnit {
    convert(&render::render(file, tokens))
}

fn convert(source: &Source) -> TranslationUnit {
    let grammar = Grammar::get();
    let Some(tree) = parse(grammar, &source.text) else {
        let span = Span::new(source.file, 1, 1, 0);
        let error = SyntaxError { span, message: "too ambiguous to parse within the budget".into() };
        return TranslationUnit { errors: vec![error], ..TranslationUnit::default() };
    };
    let mut converter = Converter::new(source, grammar, &tree);
    converter.file_scope(tree.root_node());
    converter.unit
}

/// `None` if the parser's work exceeds what its text warrants. Steps are counted, not time, so
/// that the result is the same on every machine.
fn parse(grammar: &Grammar, text: &[u8]) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&grammar.language).ok()?;
    // The callback comes every hundred steps; real code takes less than one step per byte.
    let mut left = 2_000 + text.len() / 5;
    let mut progress = |_: &ParseState| {
        left = left.saturating_sub(1);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    parser.parse_with_options(&mut |at, _| text.get(at..).unwrap_or_default(), None, Some(options))
}

/// A named child and the number of its field, or 0.
type Child<'t> = (u16, Node<'t>);
type Children<'t> = SmallVec<[Child<'t>; 8]>;

/// A variable in scope, kept to give the variables that a lambda captures their types.
#[derive(Clone, Copy)]
struct Visible<'t> {
    name: Symbol,
    ty: Option<Node<'t>>,
    declarator: Node<'t>,
}

struct Converter<'t> {
    source: &'t Source,
    grammar: &'static Grammar,
    f: Fields,
    cursor: TreeCursor<'t>,
    unit: TranslationUnit,
    /// Names of namespaces that this file opens or uses.
    namespaces: FxHashSet<Symbol>,
    /// Names of classes, enumerations and aliases seen so far.
    types: FxHashSet<Symbol>,
    /// The namespace around what is being converted, and whether `std` is open.
    namespace: Symbol,
    uses_std: bool,
    class: Option<Symbol>,
    /// Name of the function being converted, and how many lambdas it had so far.
    function: Symbol,
    lambdas: u32,
    visible: Vec<Visible<'t>>,
    depth: u32,
}

impl<'t> Converter<'t> {
    fn new(source: &'t Source, grammar: &'static Grammar, tree: &'t Tree) -> Converter<'t> {
        Converter {
            source,
            grammar,
            f: grammar.fields,
            cursor: tree.walk(),
            unit: TranslationUnit::default(),
            namespaces: FxHashSet::default(),
            types: FxHashSet::default(),
            namespace: Symbol::EMPTY,
            uses_std: false,
            class: None,
            function: Symbol::EMPTY,
            lambdas: 0,
            visible: Vec::new(),
            depth: 0,
        }
    }

    fn kind(&self, node: Node<'_>) -> Kind {
        self.grammar.kind(node)
    }

    /// Named children without comments, and the word `virtual`.
    fn children(&mut self, node: Node<'t>) -> Children<'t> {
        let mut out = Children::new();
        self.cursor.reset(node);
        if !self.cursor.goto_first_child() {
            return out;
        }
        loop {
            let child = self.cursor.node();
            let kind = self.grammar.kind(child);
            if (child.is_named() && kind != Kind::Comment) || kind == Kind::Virtual {
                out.push((self.cursor.field_id().map_or(0, |id| id.get()), child));
            }
            if !self.cursor.goto_next_sibling() {
                return out;
            }
        }
    }

    fn field(&self, node: Node<'t>, field: u16) -> Option<Node<'t>> {
        node.child_by_field_id(field)
    }

    /// The first named child that is no comment.
    fn first(&mut self, node: Node<'t>) -> Option<Node<'t>> {
        self.children(node).first().map(|&(_, child)| child)
    }

    /// Spelling of the operator of an expression.
    fn operator(&self, node: Node<'t>) -> &'t str {
        self.field(node, self.f.operator).map_or("", |op| op.kind())
    }

    /// Whether a punctuation mark is among the children.
    fn has_token(&mut self, node: Node<'t>, token: &str) -> bool {
        self.cursor.reset(node);
        let mut more = self.cursor.goto_first_child();
        while more {
            if self.cursor.node().kind() == token {
                return true;
            }
            more = self.cursor.goto_next_sibling();
        }
        false
    }

    fn span(&self, node: Node<'t>) -> Span {
        self.source.span(node)
    }

    fn push(&mut self, decl: Decl) {
        self.unit.decls.push(decl);
    }

    fn file_error(&mut self, node: Node<'t>) {
        if self.unit.errors.len() < MAX_ERRORS {
            let error = self.syntax_error(node);
            self.unit.errors.push(error);
        }
    }

    fn syntax_error(&self, node: Node<'t>) -> SyntaxError {
        let message = if node.is_missing() {
            format!("missing `{}`", node.kind())
        } else {
            format!("not understood: `{}`", self.excerpt(node))
        };
        SyntaxError { span: self.span(node), message }
    }

    /// The beginning of a node on one line.
    fn excerpt(&self, node: Node<'t>) -> String {
        let bytes = self.source.bytes(node);
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Every region inside `node` that did not parse, outermost only.
    fn errors_within(&mut self, node: Node<'t>) -> Vec<SyntaxError> {
        let mut out = Vec::new();
        if !node.has_error() {
            return out;
        }
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            if node.is_error() || node.is_missing() {
                out.push(self.syntax_error(node));
                if out.len() == MAX_ERRORS {
                    break;
                }
                continue;
            }
            self.cursor.reset(node);
            let mut more = self.cursor.goto_first_child();
            while more {
                let child = self.cursor.node();
                if child.has_error() || child.is_missing() {
                    pending.push(child);
                }
                more = self.cursor.goto_next_sibling();
            }
        }
        out.sort_by_key(|error| error.span);
        out
    }
}
