//! Statements and their control flow.

use banbury_base::{FileId, Span, Symbol};
use banbury_ir::{
    BlockId, Callee, Const, Global, Init as IrInit, LocalId, Op, Operand, Place, Rvalue, Terminator, Type,
    TypeId, TypeTable,
};
use rustc_hash::FxHashMap;

use super::Lowerer;
use super::consts::{eval, size_type};
use super::globals::static_init;
use super::scope::Binding;
use super::types::{resolve_base, resolve_in};
use super::typing::type_of;
use crate::ast::{Block, DeclSpecs, Declarator, Expr, ExprKind, Init, Stmt, StmtKind, TypeExpr, VarDecl};

/// Where jumps lead.
#[derive(Default)]
pub(crate) struct Jumps {
    breaks: Vec<(BlockId, usize)>,
    continues: Vec<(BlockId, usize)>,
    switches: Vec<SwitchCases>,
    labels: FxHashMap<Symbol, BlockId>,
    /// Labels whose address is taken, in order.
    taken: Vec<BlockId>,
    /// Blocks that end in a computed jump.
    computed: Vec<(BlockId, Operand)>,
}

struct SwitchCases {
    ty: TypeId,
    cases: Vec<(i128, i128, BlockId)>,
    /// Cases whose label is not known.
    unknown: Vec<BlockId>,
    default: Option<BlockId>,
}

impl Lowerer<'_> {
    /// Lowers a block in a scope of its own; `end` says whether its locals end with it.
    pub(super) fn block(&mut self, block: &Block, end: bool) {
        self.scopes.push();
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
        if end {
            self.b.span = Span::new(FileId(self.file), block.end_line, 1, 1);
        }
        self.leave_scope(end);
    }

    pub(super) fn leave_scope(&mut self, end: bool) {
        let declared = self.scopes.pop();
        for id in declared.into_iter().rev() {
            self.destroy(id);
            if end {
                self.b.emit(Op::Dead(id));
            }
        }
    }

    pub(super) fn stmt(&mut self, stmt: &Stmt) {
        self.nested(|this| {
            this.b.span = stmt.span;
            this.b.in_macro = stmt.in_macro;
            this.stmt_kind(stmt);
        });
    }

    fn stmt_kind(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Empty => {}
            StmtKind::Expr(expr) => self.effect(expr),
            StmtKind::Decl(decl) => self.declaration(decl),
            StmtKind::Block(block) => self.block(block, true),
            StmtKind::If { init, cond, then, other } => {
                self.in_scope(init.as_deref(), |this| this.if_stmt(cond, then, other.as_deref()));
            }
            StmtKind::While { cond, body } => self.while_stmt(cond, body),
            StmtKind::MacroLoop { call, body } => self.macro_loop(call, body),
            StmtKind::DoWhile { body, cond } => self.do_while(body, cond),
            StmtKind::For { init, cond, step, body } => self.in_scope(init.as_deref(), |this| {
                this.for_stmt(cond.as_ref(), step.as_ref(), body);
            }),
            StmtKind::RangeFor { var, range, body } => self.range_for(var, range, body),
            StmtKind::Switch { init, value, body } => {
                self.in_scope(init.as_deref(), |this| this.switch_stmt(value, body));
            }
            StmtKind::Case { low, high, body } => {
                self.case_label(low, high.as_ref());
                self.stmt(body);
            }
            StmtKind::Default(body) => {
                let block = self.b.block();
                if let Some(switch) = self.jumps.switches.last_mut() {
                    switch.default = Some(block);
                }
                self.b.fall_into(block);
                self.stmt(body);
            }
            StmtKind::Label(name, body) => {
                let block = self.label(*name);
                self.b.fall_into(block);
                self.stmt(body);
            }
            StmtKind::Goto(name) => {
                let block = self.label(*name);
                self.b.goto(block);
            }
            StmtKind::GotoComputed(target) => {
                let (operand, _) = self.rvalue(target);
                self.jumps.computed.push((self.b.current, operand));
                self.unreachable();
            }
            StmtKind::Break => self.jump_out(true),
            StmtKind::Continue => self.jump_out(false),
            StmtKind::Return(value) => self.return_stmt(value.as_ref()),
            StmtKind::Try { body, handlers } => self.try_stmt(body, handlers),
            StmtKind::Asm(outputs) => {
                for output in outputs {
                    self.effect(output);
                }
                self.opaque();
            }
            StmtKind::Error(reason) => {
                self.opaque();
                self.b.gap(stmt.span, reason.clone());
            }
        }
    }

    fn in_scope(&mut self, init: Option<&Stmt>, work: impl FnOnce(&mut Self)) {
        self.scopes.push();
        if let Some(init) = init {
            self.stmt(init);
        }
        work(self);
        self.leave_scope(true);
    }

    fn if_stmt(&mut self, cond: &Expr, then: &Stmt, other: Option<&Stmt>) {
        let then_block = self.b.block();
        let end = self.b.block();
        let other_block = if other.is_some() { self.b.block() } else { end };
        self.condition(cond, then_block, other_block);
        self.start_block(then_block);
        self.stmt(then);
        self.b.goto(end);
        if let Some(other) = other {
            self.start_block(other_block);
            self.stmt(other);
            self.b.goto(end);
        }
        self.start_block(end);
    }

    pub(super) fn loop_body(&mut self, body: &Stmt, exit: BlockId, next: BlockId) {
        let depth = self.scopes.depth();
        self.jumps.breaks.push((exit, depth));
        self.jumps.continues.push((next, depth));
        self.stmt(body);
        self.jumps.breaks.pop();
        self.jumps.continues.pop();
    }

    fn while_stmt(&mut self, cond: &Expr, body: &Stmt) {
        let (head, inside, exit) = (self.b.block(), self.b.block(), self.b.block());
        self.b.fall_into(head);
        self.condition(cond, inside, exit);
        self.start_block(inside);
        self.loop_body(body, exit, head);
        self.b.goto(head);
        self.start_block(exit);
    }

    /// Which of its arguments the macro moves on is not known: in each round, every variable of
    /// this function among them may be another.
    fn macro_loop(&mut self, call: &Expr, body: &Stmt) {
        let (head, inside, exit) = (self.b.block(), self.b.block(), self.b.block());
        self.b.fall_into(head);
        let mut call = call.clone();
        let mut moved = Vec::new();
        if let ExprKind::Call(_, arguments) | ExprKind::Unknown(arguments) = &mut call.kind {
            arguments.retain(|argument| {
                let variable = self.own_variable(argument);
                moved.extend(variable);
                variable.is_none()
            });
        }
        for id in moved {
            let unknown = Const::UnknownInt(self.b.locals[id.index()].ty);
            self.b.store(Place::local(id), Operand::Const(unknown));
        }
        self.condition(&call, inside, exit);
        self.start_block(inside);
        self.loop_body(body, exit, head);
        self.b.goto(head);
        self.start_block(exit);
    }

    /// The scalar variable of this function, no parameter, that the expression names.
    fn own_variable(&self, expr: &Expr) -> Option<LocalId> {
        let ExprKind::Ident(name) = &expr.kind else { return None };
        let Some(Binding::Local(id)) = self.scopes.get(*name) else { return None };
        let ty = self.b.locals[id.index()].ty;
        let scalar = matches!(self.types().get(ty), Type::Pointer(_) | Type::Int { .. });
        (scalar && !self.b.is_parameter(id)).then_some(id)
    }

    fn do_while(&mut self, body: &Stmt, cond: &Expr) {
        let (inside, test, exit) = (self.b.block(), self.b.block(), self.b.block());
        self.b.fall_into(inside);
        self.loop_body(body, exit, test);
        self.b.fall_into(test);
        self.condition(cond, inside, exit);
        self.start_block(exit);
    }

    fn for_stmt(&mut self, cond: Option<&Expr>, step: Option<&Expr>, body: &Stmt) {
        let (head, inside) = (self.b.block(), self.b.block());
        let (next, exit) = (self.b.block(), self.b.block());
        self.b.fall_into(head);
        match cond {
            Some(cond) => self.condition(cond, inside, exit),
            None => self.b.goto(inside),
        }
        self.start_block(inside);
        self.loop_body(body, exit, next);
        self.b.fall_into(next);
        if let Some(step) = step {
            self.effect(step);
        }
        self.b.goto(head);
        self.start_block(exit);
    }

    fn jump_out(&mut self, is_break: bool) {
        let target = if is_break { self.jumps.breaks.last() } else { self.jumps.continues.last() };
        let Some(&(block, depth)) = target else {
            let span = self.b.span;
            self.b.gap(span, if is_break { "`break` outside a loop" } else { "`continue` outside a loop" });
            return;
        };
        let leaving: Vec<LocalId> = self.scopes.declared_since(depth).collect();
        for id in leaving.into_iter().rev() {
            self.b.emit(Op::Dead(id));
        }
        self.b.goto(block);
    }

    fn switch_stmt(&mut self, value: &Expr, body: &Stmt) {
        let (operand, ty) = self.rvalue(value);
        let promoted = super::consts::promote(self.types(), ty);
        let operand = self.convert(operand, ty, promoted);
        let (span, in_macro) = (self.b.span, self.b.in_macro);
        let head = self.b.current;
        let exit = self.b.block();
        let inside = self.b.block();
        self.start_block(inside);
        self.jumps.switches.push(SwitchCases {
            ty: promoted,
            cases: Vec::new(),
            unknown: Vec::new(),
            default: None,
        });
        self.jumps.breaks.push((exit, self.scopes.depth()));
        self.stmt(body);
        self.jumps.breaks.pop();
        self.b.goto(exit);
        let Some(cases) = self.jumps.switches.pop() else { return };
        (self.b.span, self.b.in_macro) = (span, in_macro);
        self.start_block(head);
        // A label that is not known may be the one.
        for target in cases.unknown {
            let next = self.b.block();
            let cond = Operand::Const(Const::UnknownInt(TypeTable::I32));
            self.b.terminate(Terminator::Branch { cond, then: target, other: next });
            self.start_block(next);
        }
        let default = cases.default.unwrap_or(exit);
        self.b.terminate(Terminator::Switch { value: operand, cases: cases.cases, default });
        self.start_block(exit);
    }

    fn case_label(&mut self, low: &Expr, high: Option<&Expr>) {
        let block = self.b.block();
        self.b.fall_into(block);
        let low = eval(self, low);
        let high = match high {
            Some(high) => eval(self, high),
            None => low,
        };
        let types = self.types();
        let Some(switch) = self.jumps.switches.last_mut() else { return };
        let ty = switch.ty;
        let value = |v: super::consts::Value| match types.int_info(ty) {
            Some(_) => types.int_value(super::consts::wrap(types, v.0, ty), ty),
            None => types.int_value(v.0, v.1),
        };
        match (low, high) {
            (Some(low), Some(high)) => switch.cases.push((value(low), value(high), block)),
            _ => switch.unknown.push(block),
        }
    }

    fn label(&mut self, name: Symbol) -> BlockId {
        if let Some(&block) = self.jumps.labels.get(&name) {
            return block;
        }
        let block = self.b.block();
        self.jumps.labels.insert(name, block);
        block
    }

    /// `&&label`
    pub(super) fn label_address(&mut self, name: Symbol) -> Operand {
        let block = self.label(name);
        if !self.jumps.taken.contains(&block) {
            self.jumps.taken.push(block);
        }
        let ty = self.types().pointer_to(TypeTable::VOID);
        Operand::Const(Const::UnknownInt(ty))
    }

    /// A computed jump may lead to any label whose address was taken.
    pub(super) fn finish_jumps(&mut self) {
        let taken = std::mem::take(&mut self.jumps.taken);
        for (block, value) in std::mem::take(&mut self.jumps.computed) {
            let Some((&default, others)) = taken.split_last() else { continue };
            let cases = others.iter().enumerate().map(|(i, &to)| (i as i128, i as i128, to)).collect();
            self.b.blocks[block.index()].term = Terminator::Switch { value, cases, default };
        }
    }

    fn return_stmt(&mut self, value: Option<&Expr>) {
        let operand = value.map(|value| match self.returns_reference {
            true => self.address_of(value).0,
            false => {
                let (operand, ty) = self.rvalue(value);
                self.convert(operand, ty, self.ret)
            }
        });
        let operand = if self.ret == TypeTable::VOID { None } else { operand };
        self.b.terminate(Terminator::Return(operand));
    }

    pub(super) fn declaration(&mut self, decl: &VarDecl) {
        let base = resolve_base(self, &decl.base);
        for declarator in &decl.declarators {
            self.b.span = declarator.span;
            let mut ty = resolve_in(self, base, &declarator.ty);
            if ty == TypeTable::UNKNOWN
                && let Some(Init::Expr(init)) = &declarator.init
                && matches!(decl.base, TypeExpr::TypeOf(None))
            {
                ty = self.deduced(init, &declarator.ty);
            }
            if decl.specs.is_typedef {
                self.scopes.bind(declarator.name, Binding::Type(ty));
            } else if matches!(self.types().get(ty), Type::Function { .. }) {
                self.scopes.bind(declarator.name, Binding::Function(ty));
            } else {
                self.variable(&decl.specs, declarator, ty);
            }
        }
    }

    /// The type that `auto` takes from an initialiser.
    fn deduced(&mut self, init: &Expr, declarator: &TypeExpr) -> TypeId {
        let ty = type_of(self, init);
        let ty = super::typing::decay(self.types(), ty);
        match declarator {
            TypeExpr::Reference(_) => self.types().pointer_to(ty),
            _ => ty,
        }
    }

    fn variable(&mut self, specs: &DeclSpecs, declarator: &Declarator, ty: TypeId) {
        if specs.is_extern {
            return self.extern_variable(declarator, ty);
        }
        if specs.is_static {
            return self.static_variable(specs, declarator, ty);
        }
        let mut ty = ty;
        // `T a[] = ...` takes its length from the initialiser.
        if let (Type::Array(of, None), Some(init)) = (self.types().get(ty), declarator.counting_init())
            && let Some(count) = self.initialiser_length(init, *of)
        {
            ty = self.types().array_of(*of, Some(count));
        }
        let id = self.b.local(declarator.name, ty);
        self.b.emit(Op::Declare(id));
        self.scopes.declare(id);
        let is_reference = matches!(declarator.ty, TypeExpr::Reference(_));
        // A variable is in scope in its own initialiser (`T *p = malloc(sizeof *p)`).
        self.scopes.bind(declarator.name, Binding::Local(id));
        if is_reference {
            self.bind_reference(id, declarator.init.as_ref());
            return;
        }
        if let Type::Array(of, None) = self.types().get(ty) {
            self.variable_length(id, *of, &declarator.ty);
        }
        self.initialise_local(id, ty, declarator.init.as_ref());
        let cleans = |attributes: &[Symbol]| attributes.iter().any(|a| is_cleanup(*a));
        if cleans(&specs.attributes) || cleans(&declarator.attributes) {
            self.give_away(id, ty);
        }
    }

    /// A variable with a clean-up function is somebody else's as well: at the end of its scope
    /// that function releases what it holds.
    fn give_away(&mut self, id: LocalId, ty: TypeId) {
        let pointer = self.types().pointer_to(ty);
        let address = self.b.compute(pointer, Rvalue::AddrOf(Place::local(id)));
        let callee = Callee::Direct(Symbol::new("__attribute_cleanup__"));
        self.b.emit(Op::Call { dst: None, callee, args: vec![address] });
    }

    fn extern_variable(&mut self, declarator: &Declarator, ty: TypeId) {
        use super::types::Env;
        let name = declarator.name;
        let known = self.lookup(name).and_then(|entry| self.world.global_of(self.file, name, entry));
        let id = known.unwrap_or_else(|| self.undeclared_global(name, ty));
        self.scopes.bind(name, Binding::Global(id, ty));
    }

    fn static_variable(&mut self, specs: &DeclSpecs, declarator: &Declarator, ty: TypeId) {
        let mut ty = ty;
        if let (Type::Array(of, None), Some(init)) = (self.types().get(ty), declarator.counting_init())
            && let Some(count) = self.initialiser_length(init, *of)
        {
            ty = self.types().array_of(*of, Some(count));
        }
        let name = Symbol::new(&format!("{}.{}", self.function, declarator.name));
        let id = self.add_static(Global {
            name,
            ty,
            span: declarator.span,
            is_static: true,
            is_const: specs.is_const && super::world::is_plain(&declarator.ty),
            is_extern: false,
            init: IrInit::Unknown,
        });
        self.scopes.bind(declarator.name, Binding::Global(id, ty));
        let init = match &declarator.init {
            Some(init) => static_init(self, init, ty),
            None => IrInit::Zero,
        };
        if let Some(global) = self.statics.get_mut((id.0 - super::PROVISIONAL) as usize) {
            global.init = init;
        }
    }

    /// `T a[n]`: tells the analysis how many bytes it has.
    fn variable_length(&mut self, id: LocalId, element: TypeId, ty: &TypeExpr) {
        let TypeExpr::Array(_, Some(count)) = ty else { return };
        let (count, count_ty) = self.rvalue(count);
        let size_ty = size_type(self.types());
        let count = self.convert(count, count_ty, size_ty);
        let size = super::types::size_of(self, element).unwrap_or(1);
        let bytes = match size {
            1 => count,
            _ => {
                let size = Operand::Const(Const::Int(size as i64, size_ty));
                self.binary(banbury_ir::BinOp::Mul, count, size, size_ty)
            }
        };
        let place = banbury_ir::Place::local(id);
        let pointer = self.types().pointer_to(element);
        let address = self.b.compute(pointer, banbury_ir::Rvalue::AddrOf(place));
        self.b.emit(Op::Call {
            dst: None,
            callee: Callee::Direct(Symbol::new("__builtin_vla")),
            args: vec![address, bytes],
        });
    }

    /// `({ ... })`: the value of its last statement.
    pub(super) fn statement_expression(&mut self, block: &Block) -> (Operand, TypeId) {
        self.scopes.push();
        let mut value = (self.zero(TypeTable::I32), TypeTable::VOID);
        let last = block.stmts.len().saturating_sub(1);
        for (index, stmt) in block.stmts.iter().enumerate() {
            match innermost(stmt) {
                Some(expr) if index == last => {
                    if let StmtKind::Label(name, _) = &stmt.kind {
                        let block = self.label(*name);
                        self.b.fall_into(block);
                    }
                    self.b.span = stmt.span;
                    value = self.rvalue(expr);
                }
                _ => self.stmt(stmt),
            }
        }
        if value.1 != TypeTable::VOID {
            value.0 = self.in_temp(value.0, value.1);
        }
        self.leave_scope(true);
        value
    }
}

/// The expression that a statement, perhaps labelled, consists of.
fn innermost(stmt: &Stmt) -> Option<&Expr> {
    match &stmt.kind {
        StmtKind::Expr(expr) => (!matches!(expr.kind, ExprKind::Unknown(_))).then_some(expr),
        StmtKind::Label(_, body) => innermost(body),
        _ => None,
    }
}

fn is_cleanup(attribute: Symbol) -> bool {
    matches!(attribute.as_str(), "cleanup" | "__cleanup__")
}
