//! Where each bracket closes, found in one pass before parsing. Recovery, the choice between
//! readings, and skipping a body are then jumps, and the whole parser stays linear.

use crate::token::{Token, TokenKind};

use super::keyword::{KeywordTable, Kw};

const OPEN_END: u32 = u32::MAX;

/// Per token: the partner of a bracket, and the keyword of an identifier.
pub(super) struct Outline {
    partner: Vec<u32>,
    keywords: Vec<Kw>,
}

impl Outline {
    pub(super) fn new(tokens: &[Token]) -> Outline {
        let table = KeywordTable::get();
        let mut keywords = vec![Kw::None; tokens.len()];
        for (kw, token) in keywords.iter_mut().zip(tokens) {
            if token.kind == TokenKind::Ident {
                *kw = table.find(token.text);
            }
        }
        let mut matching = Matching { tokens, partner: vec![OPEN_END; tokens.len()], open: Vec::new() };
        if !matching.run(false) {
            matching.partner.fill(OPEN_END);
            matching.open.clear();
            matching.run(true);
        }
        Outline { partner: matching.partner, keywords }
    }

    #[inline]
    pub(super) fn partner(&self, at: usize) -> Option<usize> {
        self.partner.get(at).filter(|&&p| p != OPEN_END).map(|&p| p as usize)
    }

    #[inline]
    pub(super) fn keyword(&self, at: usize) -> Kw {
        self.keywords.get(at).copied().unwrap_or(Kw::None)
    }
}

struct Matching<'a> {
    tokens: &'a [Token],
    partner: Vec<u32>,
    open: Vec<u32>,
}

impl Matching<'_> {
    /// True if every brace found its partner. `by_layout`: braces do not balance in this file,
    /// so a brace in the first column is believed to end a definition at file scope.
    fn run(&mut self, by_layout: bool) -> bool {
        let mut balanced = true;
        for at in 0..self.tokens.len() {
            match self.tokens[at].kind {
                TokenKind::LParen | TokenKind::LBracket | TokenKind::LBrace => self.open.push(at as u32),
                TokenKind::RParen => self.close_inner(at, TokenKind::LParen),
                TokenKind::RBracket => self.close_inner(at, TokenKind::LBracket),
                TokenKind::RBrace => {
                    if by_layout {
                        self.close_by_layout(at);
                    } else {
                        balanced &= self.close_brace(at);
                    }
                }
                _ => {}
            }
        }
        balanced && !self.open.iter().any(|&o| self.kind(o) == TokenKind::LBrace)
    }

    fn kind(&self, at: u32) -> TokenKind {
        self.tokens[at as usize].kind
    }

    fn join(&mut self, open: u32, close: usize) {
        self.partner[open as usize] = close as u32;
        self.partner[close] = open;
    }

    /// A `)` or `]` never closes anything outside the innermost braces.
    fn close_inner(&mut self, at: usize, want: TokenKind) {
        for depth in (0..self.open.len()).rev() {
            let open = self.open[depth];
            let kind = self.kind(open);
            if kind == want {
                self.join(open, at);
                self.open.truncate(depth);
                return;
            }
            if kind == TokenKind::LBrace {
                return;
            }
        }
    }

    fn close_brace(&mut self, at: usize) -> bool {
        while let Some(open) = self.open.pop() {
            if self.kind(open) == TokenKind::LBrace {
                self.join(open, at);
                return true;
            }
        }
        false
    }

    fn close_by_layout(&mut self, at: usize) {
        let token = &self.tokens[at];
        if token.col > 1 || !token.in_macro.is_empty() {
            // A definition whose brace opens in the first column also closes there.
            let innermost = self.open.iter().rev().copied().find(|&o| self.kind(o) == TokenKind::LBrace);
            let ends_definition = innermost.is_some_and(|o| {
                self.tokens[o as usize].col == 1 && self.tokens[o as usize].line < token.line
            });
            if !ends_definition || !token.in_macro.is_empty() {
                self.close_brace(at);
            }
            return;
        }
        let outer = (0..self.open.len()).find(|&depth| {
            let open = self.open[depth];
            self.kind(open) == TokenKind::LBrace && !self.is_linkage_block(open)
        });
        match outer {
            Some(depth) => {
                let open = self.open[depth];
                self.join(open, at);
                self.open.truncate(depth);
            }
            None => {
                self.close_brace(at);
            }
        }
    }

    /// `extern "C" {`
    fn is_linkage_block(&self, open: u32) -> bool {
        open > 0 && self.kind(open - 1) == TokenKind::Str
    }
}
