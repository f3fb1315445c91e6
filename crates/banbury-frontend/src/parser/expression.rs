//! Operators: from comma down to prefix.

use banbury_base::Symbol;

use crate::ast::{BinaryOp, Expr, ExprKind, TypeName, UnaryOp};
use crate::token::{Token, TokenKind};

use super::keyword::Kw;
use super::names::{NameClass, is_all_caps, is_qualifier_like};
use super::{Fail, MAX_HEIGHT, PResult, Parser};

#[derive(Clone, Copy)]
enum Infix {
    Op(BinaryOp),
    And,
    Or,
}

/// Precedence (greater binds tighter) and meaning of a binary operator.
#[inline]
fn infix(kind: TokenKind) -> Option<(u8, Infix)> {
    use BinaryOp::*;
    Some(match kind {
        TokenKind::PipePipe => (1, Infix::Or),
        TokenKind::AmpAmp => (2, Infix::And),
        TokenKind::Pipe => (3, Infix::Op(Or)),
        TokenKind::Caret => (4, Infix::Op(Xor)),
        TokenKind::Amp => (5, Infix::Op(And)),
        TokenKind::EqEq => (6, Infix::Op(Eq)),
        TokenKind::Ne => (6, Infix::Op(Ne)),
        TokenKind::Lt => (7, Infix::Op(Lt)),
        TokenKind::Gt => (7, Infix::Op(Gt)),
        TokenKind::Le => (7, Infix::Op(Le)),
        TokenKind::Ge => (7, Infix::Op(Ge)),
        TokenKind::Shl => (8, Infix::Op(Shl)),
        TokenKind::Shr => (8, Infix::Op(Shr)),
        TokenKind::Plus => (9, Infix::Op(Add)),
        TokenKind::Minus => (9, Infix::Op(Sub)),
        TokenKind::Star => (10, Infix::Op(Mul)),
        TokenKind::Slash => (10, Infix::Op(Div)),
        TokenKind::Percent => (10, Infix::Op(Rem)),
        _ => return None,
    })
}

/// `=` and its compound forms.
#[inline]
fn assignment(kind: TokenKind) -> Option<Option<BinaryOp>> {
    use BinaryOp::*;
    Some(match kind {
        TokenKind::Eq => None,
        TokenKind::StarEq => Some(Mul),
        TokenKind::SlashEq => Some(Div),
        TokenKind::PercentEq => Some(Rem),
        TokenKind::PlusEq => Some(Add),
        TokenKind::MinusEq => Some(Sub),
        TokenKind::ShlEq => Some(Shl),
        TokenKind::ShrEq => Some(Shr),
        TokenKind::AmpEq => Some(And),
        TokenKind::CaretEq => Some(Xor),
        TokenKind::PipeEq => Some(Or),
        _ => return None,
    })
}

fn prefix(kind: TokenKind) -> Option<UnaryOp> {
    Some(match kind {
        TokenKind::Star => UnaryOp::Deref,
        TokenKind::Amp => UnaryOp::AddrOf,
        TokenKind::Plus => UnaryOp::Plus,
        TokenKind::Minus => UnaryOp::Minus,
        TokenKind::Bang => UnaryOp::Not,
        TokenKind::Tilde => UnaryOp::BitNot,
        TokenKind::PlusPlus => UnaryOp::PreInc,
        TokenKind::MinusMinus => UnaryOp::PreDec,
        _ => return None,
    })
}

/// Is an operator that needs a right operand.
pub(super) fn is_infix(kind: TokenKind) -> bool {
    infix(kind).is_some() || assignment(kind).is_some() || kind == TokenKind::Question
}

impl Parser<'_> {
    /// An expression, commas included.
    pub(super) fn expr(&mut self) -> PResult<Expr> {
        let mut left = self.assign()?;
        while self.kind() == TokenKind::Comma {
            let (token, height) = (self.bump(), self.height);
            let right = self.assign()?;
            left = self.join(height, token, left, right, |l, r| ExprKind::Comma(Box::new(l), Box::new(r)));
        }
        self.peak = self.peak.max(self.height);
        Ok(left)
    }

    /// An expression without commas.
    pub(super) fn assign(&mut self) -> PResult<Expr> {
        let mut left = self.conditional()?;
        if let Some(op) = assignment(self.kind()) {
            let (token, height) = (self.bump(), self.height);
            let right = self.nested(Self::assigned_value)?;
            let make = |l, r| ExprKind::Assign(op, Box::new(l), Box::new(r));
            left = self.join(height, token, left, right, make);
        }
        self.peak = self.peak.max(self.height);
        Ok(left)
    }

    /// The right side of `=`. Macros that did not expand may leave a braced list there.
    fn assigned_value(&mut self) -> PResult<Expr> {
        if self.kind() != TokenKind::LBrace {
            return self.assign();
        }
        let token = self.token(self.pos);
        self.pos = self.after_partner(self.pos);
        self.height = 1;
        Ok(self.make(ExprKind::Unknown(Vec::new()), &token))
    }

    /// `a ? b : c` and everything that binds tighter.
    pub(super) fn conditional(&mut self) -> PResult<Expr> {
        let cond = self.binary(1)?;
        if self.kind() != TokenKind::Question {
            return Ok(cond);
        }
        let (token, mut height) = (self.bump(), self.height);
        let middle = match self.kind() {
            TokenKind::Colon => None,
            _ => {
                let middle = self.nested(Self::expr)?;
                height = height.max(self.height);
                Some(Box::new(middle))
            }
        };
        self.expect(TokenKind::Colon, "expected `:` of a conditional expression")?;
        let other = self.nested(Self::conditional_branch)?;
        let make = |cond, other| ExprKind::Conditional(Box::new(cond), middle, Box::new(other));
        Ok(self.join(height, token, cond, other, make))
    }

    /// C would need parentheses around an assignment here; compilers differ, code exists.
    fn conditional_branch(&mut self) -> PResult<Expr> {
        let branch = self.conditional()?;
        match assignment(self.kind()) {
            None => Ok(branch),
            Some(op) => {
                let (token, height) = (self.bump(), self.height);
                let value = self.nested(Self::assign)?;
                let make = |l, r| ExprKind::Assign(op, Box::new(l), Box::new(r));
                Ok(self.join(height, token, branch, value, make))
            }
        }
    }

    fn binary(&mut self, min: u8) -> PResult<Expr> {
        let mut left = self.unary()?;
        while let Some((precedence, op)) = infix(self.kind()) {
            if precedence < min {
                break;
            }
            let (token, height) = (self.bump(), self.height);
            let right = self.binary(precedence + 1)?;
            left = self.join(height, token, left, right, |l, r| {
                let (l, r) = (Box::new(l), Box::new(r));
                match op {
                    Infix::Op(op) => ExprKind::Binary(op, l, r),
                    Infix::And => ExprKind::Logical { and: true, left: l, right: r },
                    Infix::Or => ExprKind::Logical { and: false, left: l, right: r },
                }
            });
        }
        Ok(left)
    }

    /// Joins two operands under `token`, `height` being that of the left one. A chain that grows
    /// too high goes on as a flat list of unknown meaning.
    #[inline]
    pub(super) fn join(
        &mut self,
        height: u16,
        token: Token,
        left: Expr,
        right: Expr,
        make: impl FnOnce(Expr, Expr) -> ExprKind,
    ) -> Expr {
        if height < MAX_HEIGHT {
            self.height = height.max(self.height) + 1;
            return self.make(make(left, right), &token);
        }
        self.flatten(height, left, right)
    }

    #[cold]
    fn flatten(&mut self, height: u16, mut left: Expr, right: Expr) -> Expr {
        self.height = height.max(self.height.saturating_add(1));
        if let ExprKind::Unknown(parts) = &mut left.kind {
            parts.push(right);
            return left;
        }
        self.height = self.height.saturating_add(1);
        let (span, in_macro) = (left.span, left.in_macro);
        Expr { kind: ExprKind::Unknown(vec![left, right]), span, in_macro }
    }

    /// A prefix operator, a cast, or a postfix expression.
    pub(super) fn unary(&mut self) -> PResult<Expr> {
        match self.kind() {
            TokenKind::Ident if self.kw().is_name() => self.postfix(),
            TokenKind::Number | TokenKind::Str | TokenKind::Char => self.postfix(),
            TokenKind::LParen => self.nested(Self::parenthesised),
            TokenKind::Ident => self.nested(Self::keyword_operator),
            TokenKind::AmpAmp if self.is_name(self.pos + 1) => {
                let token = self.bump();
                let label = self.bump().text;
                self.height = 1;
                Ok(self.make(ExprKind::LabelAddr(label), &token))
            }
            kind => {
                let op = prefix(kind).ok_or(Fail("expected an expression"))?;
                let token = self.bump();
                let operand = self.nested(Self::unary)?;
                self.height = self.height.saturating_add(1);
                Ok(self.make(ExprKind::Unary(op, Box::new(operand)), &token))
            }
        }
    }

    fn keyword_operator(&mut self) -> PResult<Expr> {
        match self.kw() {
            Kw::Sizeof => self.sizeof(),
            Kw::Alignof => self.alignof(),
            Kw::Extension => {
                self.pos += 1;
                self.unary()
            }
            Kw::RealImag => {
                let token = self.bump();
                let operand = self.unary()?;
                Ok(self.make(ExprKind::Unknown(vec![operand]), &token))
            }
            _ => self.postfix(),
        }
    }

    fn sizeof(&mut self) -> PResult<Expr> {
        let token = self.bump();
        if self.kind() == TokenKind::LParen && self.type_in_parens(self.pos) {
            let open = self.token(self.pos);
            let ty = self.measured(|p| p.parenthesised_type())?;
            if self.kind() == TokenKind::LBrace {
                let literal = self.compound_literal(open, ty)?;
                return Ok(self.make(ExprKind::SizeofExpr(Box::new(literal)), &token));
            }
            return Ok(self.make(ExprKind::SizeofType(Box::new(ty)), &token));
        }
        let operand = self.unary()?;
        self.height = self.height.saturating_add(1);
        Ok(self.make(ExprKind::SizeofExpr(Box::new(operand)), &token))
    }

    fn alignof(&mut self) -> PResult<Expr> {
        let token = self.bump();
        if self.kind() == TokenKind::LParen && self.type_in_parens(self.pos) {
            let ty = self.measured(|p| p.parenthesised_type())?;
            return Ok(self.make(ExprKind::AlignofType(Box::new(ty)), &token));
        }
        let operand = self.unary()?;
        self.height = self.height.saturating_add(1);
        Ok(self.make(ExprKind::Unknown(vec![operand]), &token))
    }

    /// `(expr)`, `(type) operand`, `(type){...}`, `({ ... })`.
    fn parenthesised(&mut self) -> PResult<Expr> {
        let open = self.pos;
        if !self.type_in_parens(open) {
            return self.postfix();
        }
        let token = self.token(open);
        let ty = self.measured(|p| p.parenthesised_type())?;
        let height = self.height;
        if self.kind() == TokenKind::LBrace {
            return self.compound_literal(token, ty);
        }
        let operand = self.unary()?;
        self.height = self.height.max(height).saturating_add(1);
        Ok(self.make(ExprKind::Cast(Box::new(ty), Box::new(operand)), &token))
    }

    /// `(type){...}` from the brace on, and what is done to it.
    fn compound_literal(&mut self, token: Token, ty: TypeName) -> PResult<Expr> {
        let height = self.height;
        let init = self.measured(|p| p.initializer_list())?;
        self.height = self.height.max(height).saturating_add(1);
        let literal = self.make(ExprKind::CompoundLiteral(Box::new(ty), Box::new(init)), &token);
        self.postfix_of(literal)
    }

    /// The `(` at `open` encloses a type, not an expression.
    pub(super) fn type_in_parens(&mut self, open: usize) -> bool {
        let at = open + 1;
        if self.kind_at(at) != TokenKind::Ident {
            return false;
        }
        let kw = self.kw_at(at);
        match kw {
            Kw::Attribute | Kw::Declspec => {
                let after = self.after_partner(at + 1);
                self.kw_at(after).starts_type_name() || self.is_name(after)
            }
            Kw::Extension => self.kw_at(at + 1).starts_type_name(),
            _ if kw.starts_type_name() => true,
            _ if kw.is_name() => self.name_begins_type(at, self.partner(open)),
            _ => false,
        }
    }

    /// The name at `at` begins a type that ends at `close`, the bracket around it.
    fn name_begins_type(&mut self, at: usize, close: Option<usize>) -> bool {
        let name = self.token(at).text;
        let next = self.kind_at(at + 1);
        match next {
            TokenKind::RParen => match self.names.class(name, self.kw_at(at)) {
                NameClass::Type => true,
                NameClass::Value => false,
                NameClass::Unknown => close.is_some_and(|close| self.looks_like_cast(name, close)),
            },
            TokenKind::Star => self.stars_end_type(at + 1, name),
            TokenKind::LBracket => {
                self.names.class(name, self.kw_at(at)) == NameClass::Type
                    && self.kind_at(self.after_partner(at + 1)) == TokenKind::RParen
            }
            TokenKind::LParen => {
                let after = self.after_partner(at + 1);
                if self.kind_at(at + 2) == TokenKind::Star
                    && self.names.class(name, self.kw_at(at)) == NameClass::Type
                {
                    return true;
                }
                // `(STACK_OF(X509) *)`
                self.kind_at(after) == TokenKind::Star
                    && self.kind_at(self.after_stars(after)) == TokenKind::RParen
            }
            TokenKind::Ident => {
                let second = self.kw_at(at + 1);
                if second.is_qualifier() || second.is_type() || second == Kw::Attribute {
                    return true;
                }
                // `(__force foo *)`
                second.is_name()
                    && match self.kind_at(at + 2) {
                        TokenKind::RParen => true,
                        TokenKind::Star => self.kind_at(self.after_stars(at + 2)) == TokenKind::RParen,
                        _ => false,
                    }
            }
            _ => false,
        }
    }

    /// The index behind a run of `*` and qualifiers.
    pub(super) fn after_stars(&self, mut at: usize) -> usize {
        while self.kind_at(at) == TokenKind::Star || self.kw_at(at).is_qualifier() {
            at += 1;
        }
        at
    }

    /// `name * ...` with the first `*` at `star`: pointers to a type rather than a product.
    fn stars_end_type(&mut self, star: usize, name: Symbol) -> bool {
        let after = self.after_stars(star);
        match self.kind_at(after) {
            TokenKind::RParen | TokenKind::Comma => true,
            TokenKind::LBracket => after > star + 1 || self.class_at(star - 1, name) == NameClass::Type,
            TokenKind::LParen => {
                self.kind_at(after + 1) == TokenKind::Star
                    && self.class_at(star - 1, name) == NameClass::Type
                    && matches!(
                        self.kind_at(self.after_stars(after + 1)),
                        TokenKind::RParen | TokenKind::LBracket | TokenKind::LParen
                    )
            }
            // `(foo * __user)`, but not `(width * height)`
            TokenKind::Ident => {
                self.is_name(after)
                    && self.kind_at(after + 1) == TokenKind::RParen
                    && is_qualifier_like(self.token(after).text)
                    && self.class_at(star - 1, name) != NameClass::Value
            }
            _ => false,
        }
    }

    /// Can only begin an operand.
    pub(super) fn is_operand(&self, at: usize) -> bool {
        match self.kind_at(at) {
            TokenKind::Number | TokenKind::Str | TokenKind::Char => true,
            TokenKind::Ident => self.is_name(at) && !self.starts_line(at),
            _ => false,
        }
    }

    pub(super) fn class_at(&mut self, at: usize, name: Symbol) -> NameClass {
        let kw = self.kw_at(at);
        self.names.class(name, kw)
    }

    /// `(name)` with an unknown name, by what follows it.
    fn looks_like_cast(&mut self, name: Symbol, close: usize) -> bool {
        let after = close + 1;
        match self.kind_at(after) {
            TokenKind::Number | TokenKind::Str | TokenKind::Char | TokenKind::LBrace => true,
            TokenKind::Tilde | TokenKind::Bang => true,
            TokenKind::Ident => {
                let kw = self.kw_at(after);
                kw.is_name() || (kw as u8) >= Kw::Sizeof as u8 && (kw as u8) <= Kw::RealImag as u8
            }
            // A macro constant cannot be called, and behind a call comes no operand.
            TokenKind::LParen => is_all_caps(name) || self.is_operand(self.after_partner(after)),
            // `(word) *p` and `(word) -1`, but `(a) * b`: told by the blanks.
            TokenKind::Star | TokenKind::Amp | TokenKind::Minus | TokenKind::Plus => {
                let (paren, op, operand) = (self.token(close), self.token(after), self.token(after + 1));
                op.in_macro.is_empty()
                    && paren.line == op.line
                    && op.line == operand.line
                    && op.col > paren.col.saturating_add(paren.len)
                    && operand.col == op.col.saturating_add(op.len)
            }
            _ => false,
        }
    }
}
