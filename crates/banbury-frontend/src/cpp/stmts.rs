//! Statements.

use banbury_base::Symbol;
use tree_sitter::Node;

use super::{Converter, Kind};
use crate::ast::{
    Block, DeclSpecs, Declarator, Expr, ExprKind, Init, Param, Stmt, StmtKind, TypeExpr, UnaryOp, VarDecl,
};

impl<'t> Converter<'t> {
    /// `{ ... }`
    pub(super) fn block(&mut self, node: Node<'t>) -> Block {
        let scope = self.visible.len();
        let mut stmts = Vec::new();
        for (_, child) in self.children(node) {
            self.push_stmt(child, &mut stmts);
        }
        self.visible.truncate(scope);
        Block { stmts, end_line: self.source.end_line(node) }
    }

    /// Adds what a node stands for to a block; one node may be several statements or none.
    fn push_stmt(&mut self, node: Node<'t>, out: &mut Vec<Stmt>) {
        match self.kind(node) {
            Kind::CaseStatement => self.case(node, out),
            Kind::Error => {
                let text = self.excerpt(node);
                out.push(self.make(node, StmtKind::Error(text)));
                self.salvage(node, out);
            }
            Kind::UsingDeclaration | Kind::NamespaceAlias | Kind::StaticAssert => {}
            _ => {
                let stmt = self.stmt(node);
                out.push(stmt);
            }
        }
    }

    /// Statements and expressions inside a region that did not parse.
    fn salvage(&mut self, node: Node<'t>, out: &mut Vec<Stmt>) {
        if self.depth >= super::MAX_DEPTH {
            return;
        }
        self.depth += 1;
        for (_, child) in self.children(node) {
            match self.kind(child) {
                Kind::Error => self.salvage(child, out),
                Kind::CallExpression | Kind::AssignmentExpression | Kind::UpdateExpression => {
                    let expr = self.expr(child);
                    out.push(self.make(child, StmtKind::Expr(expr)));
                }
                Kind::Declaration
                | Kind::CompoundStatement
                | Kind::IfStatement
                | Kind::ForStatement
                | Kind::ForRangeLoop
                | Kind::WhileStatement
                | Kind::DoStatement
                | Kind::SwitchStatement
                | Kind::ReturnStatement
                | Kind::ExpressionStatement => self.push_stmt(child, out),
                _ => {}
            }
        }
        self.depth -= 1;
    }

    /// `case a: s1 s2` becomes the labelled first statement and the rest beside it.
    fn case(&mut self, node: Node<'t>, out: &mut Vec<Stmt>) {
        let value = self.field(node, self.f.value);
        let mut inner = Vec::new();
        for (field, child) in self.children(node) {
            if field != self.f.value || Some(child) != value {
                self.push_stmt(child, &mut inner);
            }
        }
        let mut inner = inner.into_iter();
        let body = Box::new(inner.next().unwrap_or_else(|| self.make(node, StmtKind::Empty)));
        let kind = match value {
            Some(value) => StmtKind::Case { low: self.expr(value), high: None, body },
            None => StmtKind::Default(body),
        };
        out.push(self.make(node, kind));
        out.extend(inner);
    }

    fn make(&self, node: Node<'t>, kind: StmtKind) -> Stmt {
        Stmt { kind, span: self.span(node), in_macro: self.source.in_macro(node) }
    }

    /// One statement.
    pub(super) fn stmt(&mut self, node: Node<'t>) -> Stmt {
        if self.depth >= super::MAX_DEPTH {
            return self.make(node, StmtKind::Error("nested too deeply".into()));
        }
        self.depth += 1;
        let kind = self.stmt_kind(node);
        self.depth -= 1;
        self.make(node, kind)
    }

    fn stmt_kind(&mut self, node: Node<'t>) -> StmtKind {
        match self.kind(node) {
            Kind::CompoundStatement => StmtKind::Block(self.block(node)),
            Kind::ExpressionStatement => self.expression_statement(node),
            Kind::Declaration => self.declaration(node),
            Kind::TypeDefinition | Kind::AliasDeclaration => StmtKind::Decl(self.var_decl(node)),
            Kind::ClassSpecifier | Kind::StructSpecifier | Kind::UnionSpecifier | Kind::EnumSpecifier => {
                let base = self.type_spec(node);
                let span = self.span(node);
                StmtKind::Decl(VarDecl { specs: DeclSpecs::default(), base, declarators: Vec::new(), span })
            }
            Kind::IfStatement => self.if_statement(node),
            Kind::WhileStatement => self.while_statement(node),
            Kind::DoStatement => {
                StmtKind::DoWhile { body: self.body(node), cond: self.condition_field(node) }
            }
            Kind::ForStatement => self.for_statement(node),
            Kind::ForRangeLoop => self.range_for(node),
            Kind::SwitchStatement => self.switch(node),
            Kind::CaseStatement => {
                let mut stmts = Vec::new();
                self.case(node, &mut stmts);
                StmtKind::Block(Block { stmts, end_line: self.source.end_line(node) })
            }
            Kind::LabeledStatement => self.labeled(node),
            Kind::GotoStatement => StmtKind::Goto(
                self.field(node, self.f.label).map_or(Symbol::EMPTY, |l| self.source.symbol(l)),
            ),
            Kind::BreakStatement => StmtKind::Break,
            Kind::ContinueStatement => StmtKind::Continue,
            Kind::ReturnStatement | Kind::CoReturnStatement => {
                StmtKind::Return(self.first(node).map(|value| self.expr(value)))
            }
            Kind::ThrowStatement => {
                let value = self.first(node).map(|value| Box::new(self.expr(value)));
                StmtKind::Expr(self.expr_at(node, ExprKind::Throw(value)))
            }
            Kind::TryStatement => self.try_statement(node),
            Kind::AttributedStatement => match self.children(node).last() {
                Some(&(_, inner)) if inner != node => self.stmt(inner).kind,
                _ => StmtKind::Empty,
            },
            Kind::FunctionDefinition => self.loop_macro(node),
            Kind::TemplateDeclaration | Kind::LinkageSpecification => StmtKind::Empty,
            Kind::Error => StmtKind::Error(self.excerpt(node)),
            _ => self.other_statement(node),
        }
    }

    /// Something that is not a statement by itself: its expressions are kept.
    fn other_statement(&mut self, node: Node<'t>) -> StmtKind {
        let mut stmts = Vec::new();
        self.salvage(node, &mut stmts);
        match stmts.is_empty() {
            true => StmtKind::Empty,
            false => StmtKind::Block(Block { stmts, end_line: self.source.end_line(node) }),
        }
    }

    fn expression_statement(&mut self, node: Node<'t>) -> StmtKind {
        match self.first(node) {
            None => StmtKind::Empty,
            Some(inner) if self.kind(inner) == Kind::GnuAsm => StmtKind::Asm(self.asm_outputs(inner)),
            Some(inner) => StmtKind::Expr(self.expr(inner)),
        }
    }

    fn asm_outputs(&mut self, node: Node<'t>) -> Vec<Expr> {
        let Some(list) = self.field(node, self.f.output_operands) else { return Vec::new() };
        let operands = self.children(list);
        let values: Vec<Node<'t>> =
            operands.into_iter().filter_map(|(_, operand)| self.field(operand, self.f.value)).collect();
        values.into_iter().map(|value| self.expr(value)).collect()
    }

    /// A declaration, or what the grammar takes for the declaration of a function:
    /// `std::string s(buffer);`.
    fn declaration(&mut self, node: Node<'t>) -> StmtKind {
        let mut vars = self.var_decl(node);
        for declarator in &mut vars.declarators {
            if let Some(args) = constructor_arguments(declarator) {
                declarator.ty = TypeExpr::Base;
                declarator.init = Some(Init::Construct(args, declarator.span));
            }
        }
        StmtKind::Decl(vars)
    }

    fn body(&mut self, node: Node<'t>) -> Box<Stmt> {
        let body = self.field(node, self.f.body);
        Box::new(self.stmt_or_empty(node, body))
    }

    fn stmt_or_empty(&mut self, around: Node<'t>, node: Option<Node<'t>>) -> Stmt {
        match node {
            Some(node) => self.stmt(node),
            None => self.make(around, StmtKind::Empty),
        }
    }

    fn condition_field(&mut self, node: Node<'t>) -> Expr {
        match self.field(node, self.f.condition) {
            Some(condition) => self.expr(condition),
            None => self.expr_at(node, ExprKind::Unknown(Vec::new())),
        }
    }

    /// `(init; condition)`: what is declared first, and the value tested.
    fn condition(&mut self, node: Node<'t>) -> (Option<Box<Stmt>>, Expr) {
        let Some(clause) = self.field(node, self.f.condition) else {
            return (None, self.expr_at(node, ExprKind::Unknown(Vec::new())));
        };
        let init = self.field(clause, self.f.initializer);
        let init = init.and_then(|init| self.first(init)).map(|init| self.stmt(init));
        let Some(value) = self.field(clause, self.f.value).or_else(|| self.first(clause)) else {
            return (init.map(Box::new), self.expr_at(node, ExprKind::Unknown(Vec::new())));
        };
        if self.kind(value) != Kind::Declaration {
            let cond = self.expr(value);
            return (init.map(Box::new), cond);
        }
        let declaration = self.stmt(value);
        let tested = match &declaration.kind {
            StmtKind::Decl(vars) => vars.declarators.last().map(|d| d.name),
            _ => None,
        };
        let cond = self.expr_at(value, tested.map_or(ExprKind::Unknown(Vec::new()), ExprKind::Ident));
        let stmt = match init {
            // Both in one: the block is transparent to scopes, being an initialiser.
            Some(init) => {
                let end_line = self.source.end_line(value);
                self.make(value, StmtKind::Block(Block { stmts: vec![init, declaration], end_line }))
            }
            None => declaration,
        };
        (Some(Box::new(stmt)), cond)
    }

    fn if_statement(&mut self, node: Node<'t>) -> StmtKind {
        let scope = self.visible.len();
        let (init, cond) = self.condition(node);
        let consequence = self.field(node, self.f.consequence);
        let then = Box::new(self.stmt_or_empty(node, consequence));
        let alternative =
            self.field(node, self.f.alternative).and_then(|alternative| self.first(alternative));
        let other = alternative.map(|alternative| Box::new(self.stmt(alternative)));
        self.visible.truncate(scope);
        StmtKind::If { init, cond, then, other }
    }

    /// `while (T x = f())` declares afresh each time round: `for (;;) { T x = f(); if (!x)
    /// break; ... }`.
    fn while_statement(&mut self, node: Node<'t>) -> StmtKind {
        let scope = self.visible.len();
        let (init, cond) = self.condition(node);
        let body = self.body(node);
        self.visible.truncate(scope);
        let Some(init) = init else { return StmtKind::While { cond, body } };
        let (span, in_macro) = (cond.span, cond.in_macro);
        let negated = Expr { kind: ExprKind::Unary(UnaryOp::Not, Box::new(cond)), span, in_macro };
        let then = Box::new(Stmt { kind: StmtKind::Break, span, in_macro });
        let leave = StmtKind::If { init: None, cond: negated, then, other: None };
        let end_line = self.source.end_line(node);
        let stmts = vec![*init, Stmt { kind: leave, span, in_macro }, *body];
        let body = Box::new(self.make(node, StmtKind::Block(Block { stmts, end_line })));
        StmtKind::For { init: None, cond: None, step: None, body }
    }

    fn for_statement(&mut self, node: Node<'t>) -> StmtKind {
        let scope = self.visible.len();
        let init = self.field(node, self.f.initializer).map(|init| match self.kind(init) {
            Kind::Declaration => self.stmt(init),
            _ => {
                let expr = self.expr(init);
                self.make(init, StmtKind::Expr(expr))
            }
        });
        let cond = self.field(node, self.f.condition).map(|cond| self.expr(cond));
        let step = self.field(node, self.f.update).map(|step| self.expr(step));
        let body = self.body(node);
        self.visible.truncate(scope);
        StmtKind::For { init: init.map(Box::new), cond, step, body }
    }

    fn range_for(&mut self, node: Node<'t>) -> StmtKind {
        let scope = self.visible.len();
        let mut var = self.var_decl(node);
        for declarator in &mut var.declarators {
            declarator.init = None;
        }
        let range = match self.field(node, self.f.right) {
            Some(range) => self.expr(range),
            None => self.expr_at(node, ExprKind::Unknown(Vec::new())),
        };
        let body = self.body(node);
        self.visible.truncate(scope);
        match self.field(node, self.f.initializer).and_then(|init| self.first(init)) {
            Some(init) => {
                let loop_kind = StmtKind::RangeFor { var, range, body };
                let stmts = vec![self.stmt(init), self.make(node, loop_kind)];
                StmtKind::Block(Block { stmts, end_line: self.source.end_line(node) })
            }
            None => StmtKind::RangeFor { var, range, body },
        }
    }

    fn switch(&mut self, node: Node<'t>) -> StmtKind {
        let scope = self.visible.len();
        let (init, value) = self.condition(node);
        let body = self.body(node);
        self.visible.truncate(scope);
        StmtKind::Switch { init, value, body }
    }

    fn labeled(&mut self, node: Node<'t>) -> StmtKind {
        let label = self.field(node, self.f.label);
        let name = label.map_or(Symbol::EMPTY, |label| self.source.symbol(label));
        let inner = self.children(node).into_iter().map(|(_, child)| child).find(|&c| Some(c) != label);
        StmtKind::Label(name, Box::new(self.stmt_or_empty(node, inner)))
    }

    fn try_statement(&mut self, node: Node<'t>) -> StmtKind {
        let body = match self.field(node, self.f.body) {
            Some(body) => self.block(body),
            None => Block::default(),
        };
        let mut handlers = Vec::new();
        for (_, child) in self.children(node) {
            if self.kind(child) == Kind::CatchClause {
                handlers.push(self.handler(child));
            }
        }
        StmtKind::Try { body, handlers }
    }

    fn handler(&mut self, node: Node<'t>) -> (Option<VarDecl>, Block) {
        let list = self.field(node, self.f.parameters);
        let span = self.span(node);
        let param = list.and_then(|list| self.params(list).into_iter().next()).map(|param| VarDecl {
            specs: DeclSpecs::default(),
            base: param.base,
            declarators: vec![Declarator {
                name: param.name,
                span: param.span,
                ty: param.ty,
                bits: None,
                init: None,
                attributes: Vec::new(),
            }],
            span,
        });
        let body = self.field(node, self.f.body).map(|body| self.block(body)).unwrap_or_default();
        (param, body)
    }

    /// `for_each(x, list) { ... }` with a macro that nobody explained looks like a function
    /// inside a function; it is nearly always a loop.
    fn loop_macro(&mut self, node: Node<'t>) -> StmtKind {
        let declarator = self.field(node, self.f.declarator);
        let mut used = Vec::new();
        if let Some(list) = declarator.and_then(|d| self.field(d, self.f.parameters)) {
            for (_, param) in self.children(list) {
                if let Some(name) = self.field(param, self.f.ty) {
                    used.push(self.expr(name));
                }
            }
        }
        let at = declarator.unwrap_or(node);
        let name =
            declarator.and_then(|d| self.field(d, self.f.declarator)).map(|name| self.source.text(name));
        let cond = self.opaque(at, name.as_deref().unwrap_or("__builtin_loop"), used);
        StmtKind::MacroLoop { call: self.expr_at(at, cond), body: self.body(node) }
    }
}

/// Arguments of a variable that was read as a function without parameter names. Functions are
/// hardly ever declared inside functions.
fn constructor_arguments(declarator: &Declarator) -> Option<Vec<Expr>> {
    let TypeExpr::Function { ret, params, variadic: false } = &declarator.ty else { return None };
    if params.is_empty() || !matches!(**ret, TypeExpr::Base) {
        return None;
    }
    params.iter().map(argument).collect()
}

/// What was read as an unnamed parameter, as an expression: `a`, `a[1]`, `a()`.
fn argument(param: &Param) -> Option<Expr> {
    let TypeExpr::Named(name) = param.base else { return None };
    let make = |kind| Expr { kind, span: param.span, in_macro: Symbol::EMPTY };
    let named = make(ExprKind::Ident(name));
    if !param.name.is_empty() {
        return None;
    }
    match &param.ty {
        TypeExpr::Base => Some(named),
        TypeExpr::Array(of, Some(index)) if matches!(**of, TypeExpr::Base) => {
            Some(make(ExprKind::Index(Box::new(named), index.clone())))
        }
        TypeExpr::Function { ret, params, .. } if params.is_empty() && matches!(**ret, TypeExpr::Base) => {
            Some(make(ExprKind::Call(Box::new(named), Vec::new())))
        }
        _ => None,
    }
}
