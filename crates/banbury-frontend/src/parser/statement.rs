//! Statements.

use banbury_base::Symbol;

use crate::ast::{Block, Expr, ExprKind, Stmt, StmtKind};
use crate::token::{Token, TokenKind};

use super::keyword::Kw;
use super::names::{NameClass, is_all_caps, is_iterator_like};
use super::specifiers::Attributes;
use super::{Fail, MAX_DEPTH, PResult, Parser};

/// Arms of an `else if` chain kept in one statement.
const MAX_ELSE_IF: usize = 100;

struct IfArm {
    token: Token,
    cond: Expr,
    then: Box<Stmt>,
}

/// What stands between the parentheses of a `for`.
enum ForHeader {
    Parts {
        init: Option<Box<Stmt>>,
        cond: Option<Expr>,
        step: Option<Expr>,
    },
    /// `for (EACH(a, b))`: the macro brings all three parts, or they could not be read.
    Macro(Expr),
}

impl Parser<'_> {
    /// `{ ... }`; always ends behind the brace that closes the block.
    pub(super) fn block(&mut self) -> PResult<Block> {
        let open = self.pos;
        self.expect(TokenKind::LBrace, "expected `{`")?;
        let close = self.partner(open).unwrap_or(self.tokens.len());
        let scope = self.names.enter();
        let mut stmts = Vec::new();
        while self.pos < close {
            let start = self.pos;
            let stmt = match self.kw() {
                Kw::Else if !stmts.is_empty() => self.loose_else(&mut stmts),
                _ => self.statement(true),
            };
            if self.pos == start {
                self.pos += 1;
            }
            stmts.push(stmt);
        }
        self.names.leave(scope);
        self.pos = self.pos.max(close + 1).min(self.tokens.len());
        self.blocks_end = self.blocks_end.max(self.pos);
        Ok(Block { stmts, end_line: self.token(close).line })
    }

    /// Blocks inside a statement that failed are read again. Where that goes on inside these, it
    /// would double with every level: past twice the text they are left out.
    fn limit_rereading(&mut self) {
        let again = self.blocks_end.saturating_sub(self.pos);
        self.reread += again;
        if again > 0 && self.reread > 2 * self.tokens.len() {
            self.pos = self.blocks_end;
        }
    }

    /// One statement; what does not parse is skipped and noted.
    fn statement(&mut self, in_block: bool) -> Stmt {
        let start = self.pos;
        let first = self.token(start);
        match self.nested(|p| p.statement_kind(in_block)) {
            Ok(kind) => Stmt { kind, span: self.span(&first), in_macro: first.in_macro },
            Err(fail) => {
                let skipped = self.skip_statement(start, fail);
                self.limit_rereading();
                skipped
            }
        }
    }

    /// The statement that a condition or loop governs.
    fn body_statement(&mut self) -> Box<Stmt> {
        if matches!(self.kind(), TokenKind::RBrace | TokenKind::Eof) {
            return Box::new(self.empty_statement());
        }
        Box::new(self.statement(false))
    }

    fn statement_kind(&mut self, in_block: bool) -> PResult<StmtKind> {
        match self.kind() {
            TokenKind::LBrace => Ok(StmtKind::Block(self.block()?)),
            TokenKind::Semi => {
                self.pos += 1;
                Ok(StmtKind::Empty)
            }
            TokenKind::Hash => {
                self.skip_line();
                Ok(StmtKind::Empty)
            }
            TokenKind::LBracket if self.at_bracket_attribute() => self.attributed_statement(in_block),
            TokenKind::Ident => match self.kw() {
                kw if kw.is_name() => self.name_statement(in_block),
                kw => self.keyword_statement(kw, in_block),
            },
            _ => self.expression_statement(),
        }
    }

    fn keyword_statement(&mut self, kw: Kw, in_block: bool) -> PResult<StmtKind> {
        match kw {
            Kw::If => self.if_chain(),
            Kw::While => {
                self.pos += 1;
                let cond = self.condition()?;
                Ok(StmtKind::While { cond, body: self.body_statement() })
            }
            Kw::Do => self.do_while(),
            Kw::For => self.for_loop(),
            Kw::Switch => {
                self.pos += 1;
                let value = self.condition()?;
                Ok(StmtKind::Switch { init: None, value, body: self.body_statement() })
            }
            Kw::Case => self.case(in_block),
            Kw::Default if self.kind_at(self.pos + 1) == TokenKind::Colon => {
                self.pos += 2;
                Ok(StmtKind::Default(self.labelled(in_block)))
            }
            Kw::Goto => self.goto(),
            Kw::Break | Kw::Continue => {
                self.pos += 1;
                self.statement_end()?;
                Ok(if kw == Kw::Break { StmtKind::Break } else { StmtKind::Continue })
            }
            Kw::Return => self.return_statement(),
            Kw::Asm => self.inline_asm(),
            Kw::StaticAssert | Kw::LocalLabel => {
                while !matches!(self.kind(), TokenKind::Semi | TokenKind::RBrace | TokenKind::Eof) {
                    match self.kind() {
                        TokenKind::LParen => self.skip_parens(),
                        _ => self.pos += 1,
                    }
                }
                self.eat(TokenKind::Semi);
                Ok(StmtKind::Empty)
            }
            Kw::Attribute => self.attributed_statement(in_block),
            Kw::Extension if !self.kw_at(self.pos + 1).starts_declaration() => self.expression_statement(),
            Kw::Else => Err(Fail("`else` without `if`")),
            _ if kw.starts_declaration() || kw == Kw::Extension || kw == Kw::Declspec => {
                self.declaration_statement()
            }
            _ => self.expression_statement(),
        }
    }

    /// `__attribute__((fallthrough));`, `[[maybe_unused]] int x;`
    fn attributed_statement(&mut self, in_block: bool) -> PResult<StmtKind> {
        let start = self.pos;
        let mut ignored = Attributes::default();
        while self.kw() == Kw::Attribute || self.at_bracket_attribute() {
            self.attribute(&mut ignored);
        }
        if self.kw().starts_declaration() || self.is_name(self.pos) && self.name_begins_declaration() {
            self.pos = start;
            return self.declaration_statement();
        }
        match self.kind() {
            TokenKind::RBrace => Ok(StmtKind::Empty),
            _ => self.statement_kind(in_block),
        }
    }

    /// The `;` of a simple statement. A macro may have swallowed it.
    fn statement_end(&mut self) -> PResult<()> {
        match self.kind() {
            TokenKind::Semi => {
                self.pos += 1;
                Ok(())
            }
            TokenKind::RBrace => Ok(()),
            _ => Err(Fail("expected `;`")),
        }
    }

    /// `if (a) .. else if (b) .. else ..`, collected in a loop and folded from the end. A chain
    /// too long for one tree goes on in a statement behind it.
    fn if_chain(&mut self) -> PResult<StmtKind> {
        let first = self.token(self.pos);
        let depth = self.depth;
        let mut arms: Vec<IfArm> = Vec::new();
        let mut links = Vec::new();
        let mut other = None;
        loop {
            let token = self.bump();
            let cond = match self.condition() {
                Ok(cond) => cond,
                Err(fail) if arms.is_empty() && links.is_empty() => return Err(fail),
                Err(fail) => {
                    self.note_error(self.pos, fail.0);
                    self.skip_parens();
                    self.make(ExprKind::Unknown(Vec::new()), &token)
                }
            };
            let then = self.body_statement();
            arms.push(IfArm { token, cond, then });
            // Each arm is a level deeper in the tree.
            self.depth += 1;
            if !self.eat_kw(Kw::Else) {
                break;
            }
            if self.kw() != Kw::If {
                other = Some(self.body_statement());
                break;
            }
            if arms.len() >= MAX_ELSE_IF || self.depth + 1 >= MAX_DEPTH {
                links.extend(self.fold_arms(std::mem::take(&mut arms), None));
                self.depth = depth;
            }
        }
        self.depth = depth;
        let last = self.fold_arms(arms, other);
        if links.is_empty() {
            return last.map(|stmt| stmt.kind).ok_or(Fail("expected `if`"));
        }
        links.extend(last);
        Ok(StmtKind::Block(Block { stmts: links, end_line: first.line }))
    }

    fn fold_arms(&self, arms: Vec<IfArm>, mut other: Option<Box<Stmt>>) -> Option<Stmt> {
        for IfArm { token, cond, then } in arms.into_iter().rev() {
            let kind = StmtKind::If { init: None, cond, then, other };
            other = Some(Box::new(Stmt { kind, span: self.span(&token), in_macro: token.in_macro }));
        }
        other.map(|stmt| *stmt)
    }

    /// `IF_MACRO(x) a; else b;`: the macro was the `if`.
    fn loose_else(&mut self, stmts: &mut Vec<Stmt>) -> Stmt {
        let start = self.pos;
        let token = self.bump();
        let then = stmts.pop().unwrap_or_else(|| self.empty_statement());
        let (span, in_macro) = (then.span, then.in_macro);
        let cond = match stmts.pop_if(|stmt| Self::is_macro_like(&stmt.kind)).map(|stmt| stmt.kind) {
            Some(StmtKind::Expr(cond)) => cond,
            _ => {
                self.note_error(start, "`else` without `if`");
                self.make(ExprKind::Unknown(Vec::new()), &token)
            }
        };
        let other = Some(self.body_statement());
        Stmt { kind: StmtKind::If { init: None, cond, then: Box::new(then), other }, span, in_macro }
    }

    fn empty_statement(&self) -> Stmt {
        let token = self.token(self.pos);
        Stmt { kind: StmtKind::Empty, span: self.span(&token), in_macro: token.in_macro }
    }

    /// Never fails behind the body: to go back would be to read the body again, and twice as
    /// often with every level of such loops.
    fn do_while(&mut self) -> PResult<StmtKind> {
        let token = self.bump();
        let body = self.body_statement();
        let behind = self.pos;
        let cond = if self.eat_kw(Kw::While) {
            self.condition()
        } else if self.is_name(behind) {
            // `do { ... } END_MACRO;`
            self.pos += 1;
            self.skip_parens();
            Ok(self.make(ExprKind::Unknown(Vec::new()), &token))
        } else {
            Err(Fail("expected `while` behind the body of `do`"))
        };
        let cond = cond.unwrap_or_else(|fail| {
            self.note_error(behind, fail.0);
            self.skip_parens();
            self.make(ExprKind::Unknown(Vec::new()), &token)
        });
        // Without `;` it comes from a macro.
        self.eat(TokenKind::Semi);
        Ok(StmtKind::DoWhile { body, cond })
    }

    fn for_loop(&mut self) -> PResult<StmtKind> {
        self.pos += 1;
        if self.is_name(self.pos) {
            // `for EACH(...)`
            let call = self.unary()?;
            return Ok(StmtKind::MacroLoop { call, body: self.body_statement() });
        }
        let open = self.pos;
        self.expect(TokenKind::LParen, "expected `(` behind `for`")?;
        let close = self.partner(open).ok_or(Fail("`(` of `for` is not closed"))?;
        let scope = self.names.enter();
        let header = self.nested(|p| p.for_header(close));
        let header = header.unwrap_or_else(|fail| {
            self.note_error(open, fail.0);
            let token = self.token(open);
            ForHeader::Macro(self.make(ExprKind::Unknown(Vec::new()), &token))
        });
        self.pos = close + 1;
        let body = self.body_statement();
        self.names.leave(scope);
        Ok(match header {
            ForHeader::Parts { init, cond, step } => StmtKind::For { init, cond, step, body },
            ForHeader::Macro(call) => StmtKind::MacroLoop { call, body },
        })
    }

    fn for_header(&mut self, close: usize) -> PResult<ForHeader> {
        let init = self.for_init()?;
        if self.pos == close {
            return match init.map(|stmt| stmt.kind) {
                Some(StmtKind::Expr(call)) => Ok(ForHeader::Macro(call)),
                _ => Err(Fail("expected two `;` in `for`")),
            };
        }
        let cond = match self.kind() {
            TokenKind::Semi => None,
            _ => Some(self.expr()?),
        };
        self.expect(TokenKind::Semi, "expected the second `;` of `for`")?;
        let step = match self.pos < close {
            true => Some(self.expr()?),
            false => None,
        };
        match self.pos == close {
            true => Ok(ForHeader::Parts { init, cond, step }),
            false => Err(Fail("expected `)` behind `for`")),
        }
    }

    fn for_init(&mut self) -> PResult<Option<Box<Stmt>>> {
        if self.eat(TokenKind::Semi) {
            return Ok(None);
        }
        let first = self.token(self.pos);
        let declares = self.kw().starts_declaration()
            || self.kw() == Kw::Attribute
            || self.is_name(self.pos) && self.name_begins_declaration();
        let kind = match declares {
            true => self.local_declaration()?.map_or(StmtKind::Empty, StmtKind::Decl),
            false => StmtKind::Expr(self.expr()?),
        };
        let brings_all = Self::is_macro_like(&kind) && self.kind() == TokenKind::RParen;
        if !brings_all {
            self.expect(TokenKind::Semi, "expected `;` in `for`")?;
        }
        Ok(Some(Box::new(Stmt { kind, span: self.span(&first), in_macro: first.in_macro })))
    }

    fn case(&mut self, in_block: bool) -> PResult<StmtKind> {
        self.pos += 1;
        let low = self.nested(Self::conditional)?;
        let high = match self.eat(TokenKind::Ellipsis) {
            true => Some(self.nested(Self::conditional)?),
            false => None,
        };
        self.expect(TokenKind::Colon, "expected `:` behind `case`")?;
        Ok(StmtKind::Case { low, high, body: self.labelled(in_block) })
    }

    /// The statement behind a label. In a block a further label is a statement of its own,
    /// which means the same and keeps long lists of cases flat.
    fn labelled(&mut self, in_block: bool) -> Box<Stmt> {
        let another = matches!(self.kw(), Kw::Case | Kw::Default) || self.at_label();
        if in_block && another {
            return Box::new(self.empty_statement());
        }
        self.body_statement()
    }

    fn at_label(&self) -> bool {
        self.is_name(self.pos) && self.kind_at(self.pos + 1) == TokenKind::Colon
    }

    fn goto(&mut self) -> PResult<StmtKind> {
        self.pos += 1;
        let kind = match self.kind() {
            TokenKind::Star => {
                self.pos += 1;
                StmtKind::GotoComputed(self.expr()?)
            }
            TokenKind::Ident => StmtKind::Goto(self.bump().text),
            _ => return Err(Fail("expected a label behind `goto`")),
        };
        self.statement_end()?;
        Ok(kind)
    }

    /// Even where the value does not parse, control leaves the function.
    fn return_statement(&mut self) -> PResult<StmtKind> {
        let token = self.bump();
        if self.eat(TokenKind::Semi) || self.kind() == TokenKind::RBrace {
            return Ok(StmtKind::Return(None));
        }
        let start = self.pos;
        let parsed = self.expr();
        let fail = match parsed {
            Ok(value) if matches!(self.kind(), TokenKind::Semi | TokenKind::RBrace) => {
                self.eat(TokenKind::Semi);
                return Ok(StmtKind::Return(Some(value)));
            }
            Ok(_) => Fail("expected `;` behind `return`"),
            Err(fail) => fail,
        };
        self.skip_statement(start, fail);
        let value = self.make(ExprKind::Unknown(Vec::new()), &token);
        Ok(StmtKind::Return(Some(value)))
    }

    fn declaration_statement(&mut self) -> PResult<StmtKind> {
        let Some(declaration) = self.local_declaration()? else { return Ok(StmtKind::Empty) };
        self.declaration_end()?;
        Ok(StmtKind::Decl(declaration))
    }

    fn expression_statement(&mut self) -> PResult<StmtKind> {
        let value = self.expr()?;
        self.statement_end()?;
        Ok(StmtKind::Expr(value))
    }

    /// A statement that begins with a name: label, declaration, expression, or a macro that may
    /// be anything.
    fn name_statement(&mut self, in_block: bool) -> PResult<StmtKind> {
        let at = self.pos;
        match self.kind_at(at + 1) {
            TokenKind::Colon => {
                let label = self.bump().text;
                self.pos += 1;
                Ok(StmtKind::Label(label, self.labelled(in_block)))
            }
            TokenKind::Ident | TokenKind::Star | TokenKind::LParen | TokenKind::LBracket
                if self.name_begins_declaration() =>
            {
                self.declaration_statement()
            }
            TokenKind::LParen if self.macro_ends_at_parens(at) => self.macro_statement(at),
            TokenKind::LBrace => self.block_macro(at),
            TokenKind::Ident => self.word_statement(),
            _ => self.value_statement(),
        }
    }

    /// A word that a macro brought, alone: `BEGIN_CRITICAL` and the like.
    fn word_statement(&mut self) -> PResult<StmtKind> {
        let token = self.bump();
        Ok(StmtKind::Expr(self.make(ExprKind::Ident(token.text), &token)))
    }

    /// `NAME(...)` is all of the statement, though what follows could continue an expression.
    fn macro_ends_at_parens(&self, at: usize) -> bool {
        let after = self.after_partner(at + 1);
        match self.kind_at(after) {
            TokenKind::Star | TokenKind::LParen | TokenKind::PlusPlus | TokenKind::MinusMinus => {}
            _ => return false,
        }
        let (first, next) = (self.token(at), self.token(after));
        // Continued lines are indented deeper than the statement.
        self.starts_line(after) && self.starts_line(at) && next.col <= first.col
            || is_iterator_like(first.text) && (next.kind != TokenKind::LParen || self.starts_line(after))
    }

    fn macro_statement(&mut self, at: usize) -> PResult<StmtKind> {
        let token = self.bump();
        let callee = self.make(ExprKind::Ident(token.text), &token);
        let args = self.nested(Self::arguments)?;
        let call = self.make(ExprKind::Call(Box::new(callee), args), &self.token(at));
        if !is_iterator_like(token.text) {
            return Ok(StmtKind::Expr(call));
        }
        Ok(StmtKind::MacroLoop { call, body: self.body_statement() })
    }

    /// `NAME {`: some block.
    fn block_macro(&mut self, at: usize) -> PResult<StmtKind> {
        let token = self.token(at);
        self.pos += 1;
        let cond = self.make(ExprKind::Ident(token.text), &token);
        let call = self.make(ExprKind::Unknown(vec![cond]), &token);
        Ok(StmtKind::MacroLoop { call, body: self.body_statement() })
    }

    /// An expression, or a macro call without `;`.
    fn value_statement(&mut self) -> PResult<StmtKind> {
        let name = self.token(self.pos).text;
        let value = self.expr()?;
        match self.kind() {
            TokenKind::Semi => {
                self.pos += 1;
                return Ok(StmtKind::Expr(value));
            }
            TokenKind::RBrace => return Ok(StmtKind::Expr(value)),
            _ => {}
        }
        let kind = StmtKind::Expr(value);
        if !Self::is_macro_like(&kind) {
            return Err(Fail("expected `;`"));
        }
        let StmtKind::Expr(value) = kind else { return Err(Fail("expected `;`")) };
        let is_call = matches!(value.kind, ExprKind::Call(..));
        if is_call && (self.kind() == TokenKind::LBrace || is_iterator_like(name)) {
            return Ok(StmtKind::MacroLoop { call: value, body: self.body_statement() });
        }
        if self.kind() == TokenKind::Colon && is_call {
            // A label or case made by a macro
            self.pos += 1;
            return Ok(StmtKind::Expr(value));
        }
        match self.begins_statement() {
            true => Ok(StmtKind::Expr(value)),
            false => Err(Fail("expected `;`")),
        }
    }

    /// A statement may begin here.
    fn begins_statement(&self) -> bool {
        match self.kind() {
            TokenKind::Ident => true,
            TokenKind::LBrace | TokenKind::RBrace | TokenKind::Hash | TokenKind::Eof => true,
            TokenKind::Star | TokenKind::LParen | TokenKind::PlusPlus | TokenKind::MinusMinus => {
                self.starts_line(self.pos)
            }
            _ => false,
        }
    }

    /// The name here begins a declaration.
    pub(super) fn name_begins_declaration(&mut self) -> bool {
        let at = self.pos;
        let name = self.token(at).text;
        match self.kind_at(at + 1) {
            TokenKind::Ident => self.name_before_word_declares(at, name),
            TokenKind::Star => self.product_declares(at, name),
            TokenKind::LParen => self.call_declares(at, name),
            TokenKind::LBracket => self.is_bracket_attribute(at + 1),
            _ => false,
        }
    }

    fn name_before_word_declares(&mut self, at: usize, name: Symbol) -> bool {
        let next = self.kw_at(at + 1);
        if !next.is_name() {
            return match next {
                Kw::Attribute => self.class_at(at, name) == NameClass::Type,
                _ => next.starts_declaration() && !self.is_alone(at, name),
            };
        }
        match self.kind_at(at + 2) {
            TokenKind::Semi
            | TokenKind::Eq
            | TokenKind::Comma
            | TokenKind::LBracket
            | TokenKind::Ident
            | TokenKind::Star
            | TokenKind::Colon => !self.is_alone(at, name),
            TokenKind::LParen => {
                // `type name(params);` or `MACRO call(x);`
                !self.is_alone(at, name) && self.class_at(at, name) != NameClass::Value
            }
            _ => false,
        }
    }

    /// A macro name on a line of its own.
    fn is_alone(&mut self, at: usize, name: Symbol) -> bool {
        self.starts_line(at)
            && self.starts_line(at + 1)
            && is_all_caps(name)
            && self.class_at(at, name) != NameClass::Type
    }

    /// `a * b ...` declares `b`, unless `a` is a value and the product is a whole statement.
    fn product_declares(&mut self, at: usize, name: Symbol) -> bool {
        let after = self.after_stars(at + 1);
        let class = self.class_at(at, name);
        match self.kind_at(after) {
            TokenKind::Ident if self.is_name(after) => match self.kind_at(after + 1) {
                TokenKind::Semi | TokenKind::Comma | TokenKind::LBracket => class != NameClass::Value,
                TokenKind::Eq => true,
                TokenKind::Ident => true,
                TokenKind::LParen => class == NameClass::Type,
                _ => class == NameClass::Type,
            },
            TokenKind::LParen => class == NameClass::Type,
            TokenKind::Ident => true,
            _ => false,
        }
    }

    /// `T (*f)(int);`, `LIST_OF(x) *list;`, `MACRO_TYPE(x) name;`
    fn call_declares(&mut self, at: usize, name: Symbol) -> bool {
        let after = self.after_partner(at + 1);
        match self.kind_at(after) {
            TokenKind::LParen | TokenKind::LBracket => {
                self.kind_at(at + 2) == TokenKind::Star && self.class_at(at, name) == NameClass::Type
            }
            TokenKind::Star => {
                let behind = self.after_stars(after);
                self.is_name(behind)
                    && !self.starts_line(after)
                    && matches!(self.kind_at(behind + 1), TokenKind::Semi | TokenKind::Eq | TokenKind::Comma)
            }
            TokenKind::Ident => {
                self.is_name(after)
                    && !self.starts_line(after)
                    && !is_iterator_like(name)
                    && matches!(
                        self.kind_at(after + 1),
                        TokenKind::Semi | TokenKind::Eq | TokenKind::Comma | TokenKind::LBracket
                    )
                    && (self.kind_at(after + 1) != TokenKind::Eq
                        || self.class_at(at, name) != NameClass::Value)
            }
            _ => false,
        }
    }

    /// Inline assembly: `asm [volatile] [goto] ( "..." : outputs : inputs : clobbers )`.
    fn inline_asm(&mut self) -> PResult<StmtKind> {
        self.pos += 1;
        while self.kind() == TokenKind::Ident {
            self.pos += 1;
        }
        if self.kind() != TokenKind::LParen {
            // `__asm { ... }`
            if self.kind() != TokenKind::LBrace {
                return Err(Fail("expected `(` behind `asm`"));
            }
            self.pos = self.after_partner(self.pos);
            return Ok(StmtKind::Asm(Vec::new()));
        }
        let open = self.pos;
        let close = self.partner(open).ok_or(Fail("`(` of `asm` is not closed"))?;
        let outputs = self.nested(|p| p.asm_outputs(close)).unwrap_or_default();
        self.pos = close + 1;
        self.statement_end()?;
        Ok(StmtKind::Asm(outputs))
    }

    fn asm_outputs(&mut self, close: usize) -> PResult<Vec<Expr>> {
        // The template ends at the first colon of this level.
        while self.pos < close && self.kind() != TokenKind::Colon {
            self.pos += 1;
            match self.kind() {
                TokenKind::ColonColon => return Ok(Vec::new()),
                TokenKind::LParen => self.skip_parens(),
                _ => {}
            }
        }
        self.pos += 1;
        let mut outputs = Vec::new();
        while self.pos < close && !matches!(self.kind(), TokenKind::Colon | TokenKind::ColonColon) {
            if self.kind() == TokenKind::LParen {
                self.pos += 1;
                outputs.push(self.expr()?);
                self.expect(TokenKind::RParen, "expected `)` in `asm`")?;
            } else {
                self.pos += 1;
            }
        }
        Ok(outputs)
    }
}
