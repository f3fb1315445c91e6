//! Primary and postfix expressions, and the calls that take types.

use crate::ast::{Designator, Expr, ExprKind, StmtKind, TypeExpr, TypeName, UnaryOp};
use crate::token::{Token, TokenKind};

use super::expression::is_infix;
use super::keyword::Kw;
use super::names::{NameClass, is_all_caps};
use super::{Fail, MAX_HEIGHT, PResult, Parser};

impl Parser<'_> {
    pub(super) fn postfix(&mut self) -> PResult<Expr> {
        let base = self.primary()?;
        self.postfix_of(base)
    }

    /// Calls, subscripts, members and `++`/`--` behind `base`.
    pub(super) fn postfix_of(&mut self, mut base: Expr) -> PResult<Expr> {
        loop {
            let height = self.height;
            let kind = match self.kind() {
                // `for_each(x) (void) f(x);`
                TokenKind::LParen
                    if self.kw_at(self.pos + 1).is_type()
                        && matches!(base.kind, ExprKind::Call(..))
                        && self.is_operand(self.after_partner(self.pos)) =>
                {
                    return Ok(base);
                }
                TokenKind::LParen => {
                    let args = self.nested(Self::arguments)?;
                    let (span, in_macro) = (base.span, base.in_macro);
                    base = Expr { kind: ExprKind::Call(Box::new(base), args), span, in_macro };
                    self.grow(height, &mut base);
                    continue;
                }
                TokenKind::LBracket => {
                    let (span, in_macro) = (base.span, base.in_macro);
                    let index = self.nested(Self::subscript)?;
                    let kind = ExprKind::Index(Box::new(base), Box::new(index));
                    base = Expr { kind, span, in_macro };
                    self.grow(height, &mut base);
                    continue;
                }
                TokenKind::Dot | TokenKind::Arrow => {
                    let arrow = self.bump().kind == TokenKind::Arrow;
                    if self.kind() != TokenKind::Ident {
                        return Err(Fail("expected a member name"));
                    }
                    let name = self.bump();
                    let kind = ExprKind::Member { base: Box::new(base), name: name.text, arrow };
                    base = self.make(kind, &name);
                    self.height = 0;
                    self.grow(height, &mut base);
                    continue;
                }
                // `for_each(x) ++n;`: a name behind it makes it a prefix.
                TokenKind::PlusPlus if !self.is_name(self.pos + 1) => UnaryOp::PostInc,
                TokenKind::MinusMinus if !self.is_name(self.pos + 1) => UnaryOp::PostDec,
                _ => return Ok(base),
            };
            let token = self.bump();
            base = self.make(ExprKind::Unary(kind, Box::new(base)), &token);
            self.height = 0;
            self.grow(height, &mut base);
        }
    }

    /// Accounts for one more level above a base of `height`; a chain too high is cut off.
    #[inline]
    fn grow(&mut self, height: u16, base: &mut Expr) {
        self.height = height.max(self.height).saturating_add(1);
        if height >= MAX_HEIGHT {
            base.kind = ExprKind::Unknown(Vec::new());
            self.height = 1;
        }
    }

    fn subscript(&mut self) -> PResult<Expr> {
        self.pos += 1;
        let index = self.expr()?;
        self.expect(TokenKind::RBracket, "expected `]`")?;
        Ok(index)
    }

    fn primary(&mut self) -> PResult<Expr> {
        let token = self.token(self.pos);
        self.height = 1;
        let kind = match token.kind {
            TokenKind::Ident if self.kw().is_name() => return self.name(token),
            TokenKind::Number => self.number().into_expr(),
            TokenKind::Char => {
                self.pos += 1;
                ExprKind::Char(super::literal::character(token.text.as_str()))
            }
            TokenKind::Str => self.string()?,
            TokenKind::LParen if self.kind_at(self.pos + 1) == TokenKind::LBrace => {
                self.pos += 1;
                let block = self.measured(|p| p.block())?;
                self.expect(TokenKind::RParen, "expected `)` behind a statement expression")?;
                ExprKind::StmtExpr(block)
            }
            TokenKind::LParen => {
                self.pos += 1;
                if self.eat(TokenKind::RParen) {
                    ExprKind::Unknown(Vec::new())
                } else {
                    let inner = self.nested(Self::expr)?;
                    self.expect(TokenKind::RParen, "expected `)`")?;
                    return Ok(inner);
                }
            }
            TokenKind::Ident => return self.measured(|p| p.builtin(token)),
            _ => return Err(Fail("expected an expression")),
        };
        Ok(self.make(kind, &token))
    }

    fn name(&mut self, token: Token) -> PResult<Expr> {
        let kw = self.kw();
        match self.kind_at(self.pos + 1) {
            TokenKind::Str => {
                let string = self.string()?;
                return Ok(self.make(string, &token));
            }
            // `LEVEL PREFIX "text"`
            TokenKind::Ident
                if self.is_name(self.pos + 1) && self.kind_at(self.pos + 2) == TokenKind::Str =>
            {
                let string = self.string()?;
                return Ok(self.make(string, &token));
            }
            TokenKind::Ident if self.is_name(self.pos + 1) && self.is_loose_word(token) => {
                return self.word_in_expression(token);
            }
            TokenKind::LParen if kw == Kw::Offsetof || kw == Kw::VaArg => {
                return self.measured(|p| p.builtin(token));
            }
            _ => {}
        }
        self.pos += 1;
        Ok(self.make(ExprKind::Ident(token.text), &token))
    }

    fn is_loose_word(&self, token: Token) -> bool {
        !self.starts_line(self.pos + 1) && is_all_caps(token.text)
    }

    /// `CAST_WORD value`: the word may well be a cast and is left out. `WORD WORD` may be strings.
    fn word_in_expression(&mut self, token: Token) -> PResult<Expr> {
        self.pos += 1;
        let next = self.token(self.pos);
        if !is_all_caps(next.text) {
            return self.nested(Self::unary);
        }
        let mut words = vec![self.make(ExprKind::Ident(token.text), &token)];
        while self.is_name(self.pos) && is_all_caps(self.token(self.pos).text) {
            let word = self.bump();
            words.push(self.make(ExprKind::Ident(word.text), &word));
        }
        self.height = 2;
        Ok(self.make(ExprKind::Unknown(words), &token))
    }

    /// Operators that look like functions but take types.
    fn builtin(&mut self, token: Token) -> PResult<Expr> {
        let kw = self.kw();
        let open = self.pos + 1;
        let parse = match kw {
            Kw::Offsetof | Kw::BuiltinOffsetof => Self::offsetof,
            Kw::VaArg | Kw::BuiltinVaArg => Self::va_arg,
            Kw::Generic => Self::generic,
            Kw::TypesCompatible => Self::types_compatible,
            Kw::ChooseExpr => Self::choose_expr,
            _ => return Err(Fail("expected an expression")),
        };
        if self.kind_at(open) != TokenKind::LParen {
            return Err(Fail("expected `(`"));
        }
        self.pos = open + 1;
        let kind = self.nested(parse)?;
        self.expect(TokenKind::RParen, "expected `)`")?;
        Ok(self.make(kind, &token))
    }

    fn offsetof(&mut self) -> PResult<ExprKind> {
        let ty = self.type_name()?;
        self.expect(TokenKind::Comma, "expected `,` in offsetof")?;
        let mut path = Vec::new();
        loop {
            match self.kind() {
                TokenKind::Ident => path.push(Designator::Field(self.bump().text)),
                TokenKind::Dot | TokenKind::Arrow => self.pos += 1,
                TokenKind::LBracket => path.push(Designator::Index(self.subscript()?)),
                TokenKind::RParen => break,
                _ => return Err(Fail("expected a member of offsetof")),
            }
        }
        Ok(ExprKind::Offsetof(Box::new(ty), path))
    }

    fn va_arg(&mut self) -> PResult<ExprKind> {
        let list = self.assign()?;
        self.expect(TokenKind::Comma, "expected `,` in va_arg")?;
        let ty = self.type_name()?;
        Ok(ExprKind::VaArg(Box::new(list), Box::new(ty)))
    }

    fn generic(&mut self) -> PResult<ExprKind> {
        let control = self.assign()?;
        let mut arms = Vec::new();
        while self.eat(TokenKind::Comma) {
            let ty = match self.eat_kw(Kw::Default) {
                true => None,
                false => Some(self.type_name()?),
            };
            self.expect(TokenKind::Colon, "expected `:` in _Generic")?;
            arms.push((ty, self.assign()?));
        }
        Ok(ExprKind::Generic(Box::new(control), arms))
    }

    /// The answer needs types that only lowering knows: a call whose arguments are the types.
    fn types_compatible(&mut self) -> PResult<ExprKind> {
        let name = self.token(self.pos - 2);
        let mut types = Vec::new();
        loop {
            let token = self.token(self.pos);
            let ty = self.type_name()?;
            types.push(self.make(ExprKind::SizeofType(Box::new(ty)), &token));
            if !self.eat(TokenKind::Comma) {
                let callee = self.make(ExprKind::Ident(name.text), &name);
                return Ok(ExprKind::Call(Box::new(callee), types));
            }
        }
    }

    fn choose_expr(&mut self) -> PResult<ExprKind> {
        let cond = self.assign()?;
        self.expect(TokenKind::Comma, "expected `,` in __builtin_choose_expr")?;
        let yes = self.assign()?;
        self.expect(TokenKind::Comma, "expected `,` in __builtin_choose_expr")?;
        let no = self.assign()?;
        Ok(ExprKind::Conditional(Box::new(cond), Some(Box::new(yes)), Box::new(no)))
    }

    /// `( ... )` of a call. Since the callee may be a macro, anything may stand there.
    pub(super) fn arguments(&mut self) -> PResult<Vec<Expr>> {
        if self.partner(self.pos).is_none() {
            return Err(Fail("`(` is not closed"));
        }
        self.pos += 1;
        let mut args = Vec::new();
        let mut height = 0;
        loop {
            if self.eat(TokenKind::RParen) {
                break;
            }
            args.push(self.argument());
            height = height.max(self.height);
            match self.kind() {
                TokenKind::Comma => self.pos += 1,
                TokenKind::RParen => {}
                _ => return Err(Fail("expected `,` or `)` in a call")),
            }
        }
        self.height = height;
        Ok(args)
    }

    fn at_argument_end(&self, at: usize) -> bool {
        matches!(self.kind_at(at), TokenKind::Comma | TokenKind::RParen)
    }

    fn argument(&mut self) -> Expr {
        let start = self.pos;
        let token = self.token(start);
        match token.kind {
            TokenKind::Comma | TokenKind::RParen => self.unknown_argument(token, Vec::new()),
            TokenKind::LBrace => self.block_argument(token),
            TokenKind::Ident if !self.kw().is_name() => self.keyword_argument(token),
            kind if is_infix(kind) && self.at_argument_end(start + 1) => {
                self.unknown_argument(token, Vec::new())
            }
            TokenKind::Ident if self.name_is_type_argument() => self.type_argument(token),
            _ => self.plain_argument(token),
        }
    }

    fn plain_argument(&mut self, token: Token) -> Expr {
        let start = self.pos;
        match self.assign() {
            Ok(value) if self.at_argument_end(self.pos) => value,
            Ok(value) => self.unknown_argument(token, vec![value]),
            Err(fail) => {
                // Only the arguments of an unexpanded macro may be no expressions.
                if !token.in_macro.is_empty() || fail.0 == "nested too deeply" {
                    self.note_error(start, fail.0);
                }
                self.pos = start;
                self.unknown_argument(token, Vec::new())
            }
        }
    }

    /// Skips the rest of an argument.
    fn unknown_argument(&mut self, token: Token, parts: Vec<Expr>) -> Expr {
        loop {
            self.skip_to_separator();
            match self.kind() {
                TokenKind::Semi => self.pos += 1,
                _ => break,
            }
        }
        self.height = self.height.saturating_add(1);
        self.make(ExprKind::Unknown(parts), &token)
    }

    fn keyword_argument(&mut self, token: Token) -> Expr {
        let kw = self.kw();
        if kw.starts_declaration() || kw == Kw::Attribute {
            return self.type_argument(token);
        }
        if kw.is_statement() || kw == Kw::Asm {
            return self.unknown_argument(token, Vec::new());
        }
        self.plain_argument(token)
    }

    /// `T`, `T *`, `a *`: a name that can only be a type here.
    fn name_is_type_argument(&mut self) -> bool {
        let at = self.pos;
        match self.kind_at(at + 1) {
            TokenKind::Star => self.at_argument_end(self.after_stars(at + 1)),
            TokenKind::Comma | TokenKind::RParen => {
                let name = self.token(at).text;
                self.class_at(at, name) == NameClass::Type
            }
            TokenKind::Ident => self.kw_at(at + 1).is_qualifier(),
            _ => false,
        }
    }

    /// A type where a value should be is the argument of a macro. It has its size as value,
    /// since allocation is what such macros do most.
    fn type_argument(&mut self, token: Token) -> Expr {
        let parsed = self.measured(|p| p.type_name());
        match parsed {
            Ok(ty) if self.at_argument_end(self.pos) => self.make(ExprKind::SizeofType(Box::new(ty)), &token),
            _ => self.unknown_argument(token, Vec::new()),
        }
    }

    /// `MACRO({ ... })`: statements, or a braced list without a type.
    fn block_argument(&mut self, token: Token) -> Expr {
        let close = self.after_partner(self.pos);
        let has_statements = (self.pos..close).any(|at| self.kind_at(at) == TokenKind::Semi);
        if has_statements && let Ok(block) = self.nested(|p| p.measured(|p| p.block())) {
            return self.make(ExprKind::StmtExpr(block), &token);
        }
        self.pos = close;
        self.unknown_argument(token, Vec::new())
    }

    /// `(T)`; leaves the position behind the `)`.
    pub(super) fn parenthesised_type(&mut self) -> PResult<TypeName> {
        let close = self.partner(self.pos).ok_or(Fail("`(` is not closed"))?;
        self.pos += 1;
        let ty = self.nested(Self::type_name)?;
        if self.pos > close {
            return Err(Fail("expected `)` behind a type"));
        }
        if self.pos < close {
            // A word among the pointers that no header explains.
            if !self.is_name(self.pos) || self.pos + 1 != close {
                return Err(Fail("expected `)` behind a type"));
            }
        }
        self.pos = close + 1;
        Ok(ty)
    }

    /// A type name without parentheses: specifiers and an abstract declarator.
    pub(super) fn type_name(&mut self) -> PResult<TypeName> {
        let (_, base) = self.specifiers(super::specifiers::Place::TypeName)?;
        let declarator = self.declarator(super::declarator::Names::Forbidden)?;
        Ok(TypeName { base, ty: declarator.ty_over(TypeExpr::Base) })
    }

    /// A condition in parentheses. If it does not parse, the statement behind it still does.
    pub(super) fn condition(&mut self) -> PResult<Expr> {
        let open = self.pos;
        if self.kind() != TokenKind::LParen {
            // `if MACRO(x) ...`: the macro brings the parentheses.
            return match self.is_name(open) || self.kind() == TokenKind::Bang {
                true => self.unary(),
                false => Err(Fail("expected `(`")),
            };
        }
        let close = self.partner(open).ok_or(Fail("`(` is not closed"))?;
        self.pos += 1;
        let parsed = self.nested(Self::expr);
        let fail = match parsed {
            Ok(cond) if self.pos == close => {
                self.pos = close + 1;
                return Ok(cond);
            }
            Ok(_) => Fail("expected `)` behind a condition"),
            Err(fail) => fail,
        };
        self.note_error(open, fail.0);
        self.pos = close + 1;
        let token = self.token(open);
        Ok(self.make(ExprKind::Unknown(Vec::new()), &token))
    }

    /// Does `stmt` hold nothing but an expression that a macro may have been?
    pub(super) fn is_macro_like(kind: &StmtKind) -> bool {
        match kind {
            StmtKind::Expr(expr) => match &expr.kind {
                ExprKind::Ident(_) => true,
                ExprKind::Call(callee, _) => matches!(callee.kind, ExprKind::Ident(_)),
                _ => false,
            },
            _ => false,
        }
    }
}
