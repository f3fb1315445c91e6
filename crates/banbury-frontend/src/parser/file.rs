//! File scope: function definitions, declarations, and the macros that stand for either.

use banbury_base::Symbol;
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::ast::{Block, Decl, DeclSpecs, FunctionDef, Param, TranslationUnit, TypeExpr, VarDecl};
use crate::token::{Token, TokenKind};

use super::declarator::{Layer, Names, ParsedDeclarator, wrap};
use super::keyword::Kw;
use super::names::{NameClass, is_all_caps};
use super::specifiers::{Attributes, Place};
use super::{Fail, Mode, PResult, Parser};

impl Parser<'_> {
    pub(super) fn translation_unit(&mut self) -> TranslationUnit {
        let mut unit = TranslationUnit::default();
        while self.pos < self.tokens.len() {
            let start = self.pos;
            match self.external(&mut unit) {
                Ok(()) => {}
                Err(fail) => self.skip_external(start, fail),
            }
            if self.pos <= start {
                self.pos = start + 1;
            }
            let mut lifted = std::mem::take(&mut self.lifted);
            // One that was read twice is one function.
            let mut seen = FxHashSet::default();
            lifted.retain(|function| seen.insert((function.span.line, function.span.col)));
            unit.decls.extend(lifted.into_iter().map(|f| Decl::Function(Box::new(f))));
        }
        unit.errors = std::mem::take(&mut self.errors);
        unit
    }

    fn external(&mut self, unit: &mut TranslationUnit) -> PResult<()> {
        match self.kind() {
            // Stray semicolons, and the end of `extern "C" {`
            TokenKind::Semi | TokenKind::RBrace => {
                self.pos += 1;
                return Ok(());
            }
            TokenKind::Hash => {
                self.skip_line();
                return Ok(());
            }
            TokenKind::Ident => {}
            TokenKind::Star | TokenKind::LParen => {}
            TokenKind::LBracket if self.at_bracket_attribute() => {}
            _ => return Err(Fail("expected a declaration")),
        }
        match self.kw() {
            Kw::Asm | Kw::StaticAssert => {
                self.pos += 1;
                while self.kw().is_qualifier() || self.kw() == Kw::Inline {
                    self.pos += 1;
                }
                self.skip_parens();
                return Ok(());
            }
            Kw::Extern if self.kind_at(self.pos + 1) == TokenKind::Str => {
                self.pos += 2;
                self.eat(TokenKind::LBrace);
                return Ok(());
            }
            kw if kw.is_name() && self.macro_at_file_scope(unit) => return Ok(()),
            _ => {}
        }
        self.external_declaration(unit)
    }

    fn external_declaration(&mut self, unit: &mut TranslationUnit) -> PResult<()> {
        let start = self.pos;
        let token = self.token(start);
        let (specs, base) = self.specifiers(Place::File)?;
        match self.kind() {
            TokenKind::Semi => {
                self.pos += 1;
                let defines = matches!(base, TypeExpr::Record(_) | TypeExpr::Enum(_));
                if defines {
                    let span = self.span(&token);
                    unit.decls.push(Decl::Vars(VarDecl { specs, base, declarators: Vec::new(), span }));
                }
                return Ok(());
            }
            TokenKind::Eof => return Ok(()),
            _ => {}
        }
        if let Some(done) = self.macro_behind_specifiers(&specs, unit) {
            return done;
        }
        let parsed = self.declarator(Names::Required)?;
        if parsed.is_function() && self.at_function_body(&parsed) {
            let function = self.function(specs, base, parsed);
            unit.decls.push(Decl::Function(Box::new(function)));
            return Ok(());
        }
        let vars = self.declarators(specs, base, Some(parsed), token)?;
        let ended = self.eat(TokenKind::Semi) || self.starts_line(self.pos);
        unit.decls.push(Decl::Vars(vars));
        match ended {
            true => Ok(()),
            false => Err(Fail("expected `;` behind a declaration")),
        }
    }

    fn at_function_body(&self, parsed: &ParsedDeclarator) -> bool {
        match self.kind() {
            TokenKind::LBrace => true,
            // `int f(a, b) int a; char *b; {`
            TokenKind::Ident => match parsed.layers.first() {
                Some(Layer::Function(params, _)) => {
                    !params.is_empty()
                        && params.iter().all(is_plain_name)
                        && (self.kw().starts_declaration() || self.is_name(self.pos))
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// `NAME(...)` at the start of a declaration. True if that was all.
    fn macro_at_file_scope(&mut self, unit: &mut TranslationUnit) -> bool {
        let at = self.pos;
        match self.kind_at(at + 1) {
            TokenKind::LParen => {}
            // `NAME { ... }`: what a macro made of a function's head
            TokenKind::LBrace => {
                let function = self.headless_function(at);
                unit.decls.push(Decl::Function(Box::new(function)));
                return true;
            }
            // A lone word at the end of the file or before a brace that nobody opened
            TokenKind::Eof | TokenKind::RBrace | TokenKind::Semi => {
                self.pos += 1;
                return true;
            }
            _ => return false,
        }
        let Some(close) = self.partner(at + 1) else { return false };
        let name = self.token(at).text;
        let after = close + 1;
        match self.kind_at(after) {
            TokenKind::LBrace if is_all_caps(name) || !self.lists_old_style_names(at + 1, close) => {
                if !is_all_caps(name)
                    && self.kind_at(at + 2) != TokenKind::RParen
                    && !self.holds_values(at + 1, close)
                {
                    return false;
                }
                match self.macro_function(at, DeclSpecs::default()) {
                    Some(function) => unit.decls.push(Decl::Function(Box::new(function))),
                    None => self.pos = self.after_partner(after),
                }
                true
            }
            TokenKind::LBrace => false,
            TokenKind::Eq => {
                self.macro_variable(at, close, DeclSpecs::default(), unit);
                true
            }
            TokenKind::Ident | TokenKind::Star => {
                if self.is_old_style(at + 1) {
                    return false;
                }
                if !self.starts_line(after) && self.token(after).in_macro.is_empty() {
                    return false;
                }
                self.pos = after;
                true
            }
            TokenKind::LParen | TokenKind::Comma | TokenKind::LBracket => false,
            _ => {
                self.pos = after;
                true
            }
        }
    }

    /// Some argument is no parameter declaration: a literal or an operator.
    fn holds_values(&self, open: usize, close: usize) -> bool {
        (open..close).any(|at| {
            matches!(self.kind_at(at), TokenKind::Str | TokenKind::Number | TokenKind::Amp | TokenKind::Char)
        })
    }

    /// `static DEFINE_THING(name);`, `static DEFUN(name, ...) { ... }`
    fn macro_behind_specifiers(
        &mut self,
        specs: &DeclSpecs,
        unit: &mut TranslationUnit,
    ) -> Option<PResult<()>> {
        let at = self.pos;
        if !self.is_name(at) || self.kind_at(at + 1) != TokenKind::LParen {
            return None;
        }
        let close = self.partner(at + 1)?;
        let name = self.token(at).text;
        let caps = is_all_caps(name);
        match self.kind_at(close + 1) {
            TokenKind::LBrace if caps && self.is_plain_argument(at + 2) => {
                let function = self.macro_function(at, specs.clone())?;
                unit.decls.push(Decl::Function(Box::new(function)));
                Some(Ok(()))
            }
            TokenKind::Eq => {
                self.macro_variable(at, close, specs.clone(), unit);
                Some(Ok(()))
            }
            TokenKind::Semi if caps && self.is_plain_argument(at + 2) && specs.is_static => {
                self.pos = close + 2;
                Some(Ok(()))
            }
            _ => None,
        }
    }

    /// A single name stands at `at` as a whole argument.
    fn is_plain_argument(&self, at: usize) -> bool {
        self.is_name(at) && matches!(self.kind_at(at + 1), TokenKind::Comma | TokenKind::RParen)
    }

    /// `DEFINE_THING(type, name) = { ... };`: a variable of unknown type.
    fn macro_variable(&mut self, at: usize, close: usize, specs: DeclSpecs, unit: &mut TranslationUnit) {
        let name = (at + 2..close).rev().find(|&i| self.is_name(i)).unwrap_or(at);
        let token = self.token(name);
        self.pos = close + 1;
        let parsed = ParsedDeclarator {
            name: token.text,
            span: self.span(&token),
            layers: SmallVec::new(),
            attributes: Attributes::default(),
        };
        if let Ok(vars) = self.declarators(specs, TypeExpr::Unknown, Some(parsed), token) {
            unit.decls.push(Decl::Vars(vars));
        }
        self.eat(TokenKind::Semi);
    }

    /// `DEFUN(name, ...) { body }`: a function named by its first plain argument, with the
    /// parameters that the rest of the arguments spell out.
    fn macro_function(&mut self, at: usize, specs: DeclSpecs) -> Option<FunctionDef> {
        let open = at + 1;
        let close = self.partner(open)?;
        let arguments = self.argument_starts(open, close);
        let named = arguments.iter().position(|&a| self.is_plain_argument(a));
        let token = match named {
            Some(index) => self.token(arguments[index]),
            None => self.token(at),
        };
        let rest = &arguments[named.map_or(0, |index| index + 1)..];
        let params = self.macro_parameters(rest, close);
        self.pos = close + 1;
        let parsed = ParsedDeclarator {
            name: token.text,
            span: self.span(&token),
            layers: SmallVec::from_iter([Layer::Function(params, false)]),
            attributes: Attributes::default(),
        };
        Some(self.function(specs, TypeExpr::Builtin(crate::ast::Builtin::Int), parsed))
    }

    fn headless_function(&mut self, at: usize) -> FunctionDef {
        let token = self.token(at);
        self.pos = at + 1;
        let parsed = ParsedDeclarator {
            name: token.text,
            span: self.span(&token),
            layers: SmallVec::from_iter([Layer::Function(Vec::new(), false)]),
            attributes: Attributes::default(),
        };
        self.function(DeclSpecs::default(), TypeExpr::Builtin(crate::ast::Builtin::Int), parsed)
    }

    fn argument_starts(&self, open: usize, close: usize) -> Vec<usize> {
        let mut starts = Vec::new();
        let mut at = open + 1;
        let mut fresh = true;
        while at < close {
            if fresh {
                starts.push(at);
            }
            fresh = self.kind_at(at) == TokenKind::Comma;
            at = match self.kind_at(at) {
                TokenKind::LParen | TokenKind::LBracket | TokenKind::LBrace => self.after_partner(at),
                _ => at + 1,
            };
        }
        starts
    }

    /// Parameters among the arguments of a macro: `struct s *p, int n`, or type and name as two
    /// arguments (`unsigned int, fd, char *, buf`). Empty if the arguments are anything else.
    fn macro_parameters(&mut self, starts: &[usize], close: usize) -> Vec<Param> {
        let types_and_names = !starts.is_empty()
            && starts.len().is_multiple_of(2)
            && starts.chunks(2).all(|pair| self.is_plain_argument(pair[1]) && !self.is_literal(pair[0]));
        let mut params = Vec::new();
        for pair in starts.chunks(if types_and_names { 2 } else { 1 }) {
            self.pos = pair[0];
            let parsed = self.macro_parameter(pair, types_and_names);
            let ends = self.pos == close || self.kind() == TokenKind::Comma;
            match parsed {
                Ok(param) if ends && !param.name.is_empty() => params.push(param),
                _ => return Vec::new(),
            }
        }
        params
    }

    fn is_literal(&self, at: usize) -> bool {
        matches!(self.kind_at(at), TokenKind::Str | TokenKind::Number | TokenKind::Char)
    }

    fn macro_parameter(&mut self, pair: &[usize], split: bool) -> PResult<Param> {
        let (_, base) = self.specifiers(Place::Parameter)?;
        let names = if split { Names::Forbidden } else { Names::Required };
        let parsed = self.declarator(names)?;
        let token = match split {
            true => self.token(pair[1]),
            false => Token { text: parsed.name, ..self.token(pair[0]) },
        };
        let span = if split { self.span(&token) } else { parsed.span };
        Ok(Param { name: token.text, span, base, ty: parsed.ty_over(TypeExpr::Base) })
    }

    /// From the body (or the parameter declarations of old style) to its `}`.
    pub(super) fn function(
        &mut self,
        mut specs: DeclSpecs,
        base: TypeExpr,
        mut parsed: ParsedDeclarator,
    ) -> FunctionDef {
        self.names.declare(parsed.name, NameClass::Value);
        let outer_errors = std::mem::take(&mut self.errors);
        let scope = self.names.enter();
        if let Some(Layer::Function(params, _)) = parsed.layers.first_mut()
            && self.kind() != TokenKind::LBrace
        {
            self.old_style_parameters(params);
        }
        if let Some(Layer::Function(params, _)) = parsed.layers.first() {
            for param in params {
                self.names.declare(param.name, NameClass::Value);
            }
        }
        let body = self.body();
        self.names.leave(scope);
        let errors = std::mem::replace(&mut self.errors, outer_errors);
        specs.is_noreturn |= parsed.attributes.noreturn;
        specs.attributes.append(&mut parsed.attributes.names);
        FunctionDef {
            name: parsed.name,
            span: parsed.span,
            end_line: body.end_line,
            specs,
            ty: wrap(parsed.layers, base),
            body,
            class: None,
            namespace: Symbol::EMPTY,
            ctor_inits: Vec::new(),
            errors,
        }
    }

    fn body(&mut self) -> Block {
        if self.mode == Mode::DeclarationsOnly {
            let end = self.after_partner(self.pos);
            self.pos = end;
            return Block { stmts: Vec::new(), end_line: self.token(end.saturating_sub(1)).line };
        }
        self.block().unwrap_or_default()
    }

    /// `int a; char *b;` between the parameter names and the body.
    fn old_style_parameters(&mut self, params: &mut [Param]) {
        while self.pos < self.tokens.len() && self.kind() != TokenKind::LBrace {
            let start = self.pos;
            if self.old_style_declaration(params).is_err() {
                self.pos = self.pos.max(start + 1);
                while !matches!(self.kind(), TokenKind::Semi | TokenKind::LBrace | TokenKind::Eof) {
                    self.pos += 1;
                }
                self.eat(TokenKind::Semi);
            }
        }
        for param in params.iter_mut() {
            // Nothing said: int.
            if is_plain_name(param) {
                param.name = param.old_style_name();
                param.base = TypeExpr::Builtin(crate::ast::Builtin::Int);
            }
        }
    }

    fn old_style_declaration(&mut self, params: &mut [Param]) -> PResult<()> {
        let (_, base) = self.specifiers(Place::Block)?;
        // The first declared parameter takes the type; records are not spelled out here.
        loop {
            let parsed = self.declarator(Names::Required)?;
            let (name, span) = (parsed.name, parsed.span);
            if let Some(param) = params.iter_mut().find(|p| p.old_style_name() == name) {
                let base = base.clone();
                *param = Param { name, span, base, ty: parsed.ty_over(TypeExpr::Base) };
            }
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.expect(TokenKind::Semi, "expected `;` behind a parameter declaration")
    }

    /// `( a, b )`: nothing but names.
    fn lists_old_style_names(&self, open: usize, close: usize) -> bool {
        let mut at = open + 1;
        if at == close {
            return true;
        }
        loop {
            if !self.is_name(at) {
                return false;
            }
            match self.kind_at(at + 1) {
                TokenKind::Comma => at += 2,
                TokenKind::RParen => return at + 1 == close,
                _ => return false,
            }
        }
    }

    /// The parentheses at `open` list names that the declarations behind them explain, and a
    /// body follows.
    pub(super) fn is_old_style(&self, open: usize) -> bool {
        let Some(close) = self.partner(open) else { return false };
        if close == open + 1 || !self.lists_old_style_names(open, close) {
            return false;
        }
        let names: SmallVec<[Symbol; 8]> =
            (open + 1..close).step_by(2).map(|at| self.token(at).text).collect();
        let mut mentions = false;
        let mut declared = false;
        // Such a list is short; a longer one is something else.
        for at in close + 1..close + 400 {
            match self.kind_at(at) {
                TokenKind::LBrace => return mentions && declared,
                TokenKind::Eq | TokenKind::RBrace | TokenKind::Eof => return false,
                TokenKind::Semi => {
                    if !mentions {
                        return false;
                    }
                    declared = true;
                }
                TokenKind::Ident => mentions |= names.contains(&self.token(at).text),
                _ => {}
            }
        }
        false
    }
}

/// A parameter that is only a name, as in definitions of old style.
fn is_plain_name(param: &Param) -> bool {
    matches!((&param.base, &param.ty), (TypeExpr::Named(_), TypeExpr::Base)) && param.name.is_empty()
}

impl Param {
    /// The name of a parameter of old style, which at first looks like a type.
    fn old_style_name(&self) -> Symbol {
        match self.base {
            TypeExpr::Named(name) if self.name.is_empty() => name,
            _ => self.name,
        }
    }
}
