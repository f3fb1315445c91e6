//! What rules on the structure of a function need of its graph: definitions and uses of
//! temporaries, call sites, predecessors, dominators, and text for messages.

use std::cell::OnceCell;

use banbury_base::{Span, Symbol};
use banbury_dataflow::models::{FnModel, Models};
use banbury_dataflow::observe::{Context, Issue};
use banbury_ir::{
    Base, Block, BlockId, Callee, Const, FuncId, Function, Index, Instr, LocalId, Op, Operand, Place,
    Program, Proj, Rvalue, Terminator, Type, TypeId, UnOp,
};

/// A point of a function: before instruction `instr` of the block, or before its terminator if
/// `instr` is the number of instructions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Point {
    pub block: BlockId,
    pub instr: usize,
}

/// A direct call.
#[derive(Clone, Copy)]
pub(crate) struct CallSite<'a> {
    pub at: Point,
    pub callee: Symbol,
    pub args: &'a [Operand],
    pub dst: Option<&'a Place>,
    pub span: Span,
    pub in_macro: Symbol,
}

/// Where a value comes from after temporaries and conversions are looked through.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Const(&'a Const),
    Place(&'a Place),
    Call(CallSite<'a>),
    Value(&'a Rvalue),
}

#[derive(Clone, Copy)]
enum Definition {
    None,
    One(Point),
    Many,
}

/// One function under the eyes of the rules.
pub(crate) struct Shape<'a> {
    pub program: &'a Program,
    pub models: &'a Models,
    pub func: FuncId,
    pub function: &'a Function,
    /// In block order.
    pub calls: Vec<CallSite<'a>>,
    definitions: Vec<Definition>,
    reads: Vec<u32>,
    addressed: Vec<bool>,
    predecessors: OnceCell<Vec<Vec<BlockId>>>,
    dominators: OnceCell<Vec<Option<BlockId>>>,
    numbers: OnceCell<Vec<Option<Numbers>>>,
}

/// Variables that hold a certain number.
type Numbers = Vec<(LocalId, i128)>;

impl<'a> Shape<'a> {
    pub(crate) fn new(cx: &Context<'a>) -> Self {
        Shape::of(cx.program, cx.models, cx.func)
    }

    /// The shape of any function of the release.
    pub(crate) fn of(program: &'a Program, models: &'a Models, func: FuncId) -> Self {
        let function = program.function(func);
        let count = function.locals.len();
        let mut shape = Shape {
            program,
            models,
            func,
            function,
            calls: Vec::new(),
            definitions: vec![Definition::None; count],
            reads: vec![0; count],
            addressed: vec![false; count],
            predecessors: OnceCell::new(),
            dominators: OnceCell::new(),
            numbers: OnceCell::new(),
        };
        shape.scan();
        shape
    }

    fn scan(&mut self) {
        let function = self.function;
        for (index, block) in function.blocks.iter().enumerate() {
            for (instr, body) in block.instrs.iter().enumerate() {
                let at = Point { block: BlockId(index as u32), instr };
                self.scan_instr(at, body);
            }
            match &block.term {
                Terminator::Branch { cond: value, .. }
                | Terminator::Switch { value, .. }
                | Terminator::Return(Some(value)) => self.read_operand(value),
                _ => {}
            }
        }
    }

    fn scan_instr(&mut self, at: Point, body: &'a Instr) {
        match &body.op {
            Op::Assign { dst, src } => {
                for_operands(src, |o| self.read_operand(o));
                if let Rvalue::AddrOf(place) = src {
                    self.read_projections(place);
                    if let Base::Local(id) = place.base {
                        self.mark_address(id, place);
                    }
                }
                self.define(dst, at);
            }
            Op::Call { dst, callee, args } => {
                for arg in args {
                    self.read_operand(arg);
                }
                if let Callee::Indirect(pointer) = callee {
                    self.read_operand(pointer);
                }
                if let Callee::Direct(name) = callee {
                    self.calls.push(CallSite {
                        at,
                        callee: *name,
                        args,
                        dst: dst.as_ref(),
                        span: body.span,
                        in_macro: body.in_macro,
                    });
                }
                if let Some(dst) = dst {
                    self.define(dst, at);
                }
            }
            Op::Zero(place) => self.define(place, at),
            Op::Declare(_) | Op::Dead(_) | Op::Opaque => {}
        }
    }

    fn define(&mut self, dst: &Place, at: Point) {
        self.read_projections(dst);
        let Base::Local(id) = dst.base else { return };
        if dst.proj.is_empty() {
            if let Some(slot) = self.definitions.get_mut(id.index()) {
                *slot = match slot {
                    Definition::None => Definition::One(at),
                    _ => Definition::Many,
                };
            }
        } else if dst.is_behind_pointer() {
            self.read(id);
        }
    }

    fn read_operand(&mut self, operand: &Operand) {
        if let Operand::Copy(place) = operand {
            self.read_projections(place);
            if let Base::Local(id) = place.base {
                self.read(id);
            }
        }
    }

    fn read_projections(&mut self, place: &Place) {
        for proj in &place.proj {
            if let Proj::At(Index::Local(id)) | Proj::Elem(Index::Local(id)) = proj {
                self.read(*id);
            }
        }
    }

    fn read(&mut self, id: LocalId) {
        if let Some(count) = self.reads.get_mut(id.index()) {
            *count += 1;
        }
    }

    fn mark_address(&mut self, id: LocalId, place: &Place) {
        if place.is_behind_pointer() {
            self.read(id);
        } else if let Some(slot) = self.addressed.get_mut(id.index()) {
            *slot = true;
        }
    }

    /// How often the local is read (its address taken does not count).
    pub(crate) fn reads(&self, id: LocalId) -> u32 {
        self.reads.get(id.index()).copied().unwrap_or(0)
    }

    pub(crate) fn is_addressed(&self, id: LocalId) -> bool {
        self.addressed.get(id.index()).copied().unwrap_or(true)
    }

    pub(crate) fn name_of(&self, id: LocalId) -> Symbol {
        self.function.locals.get(id.index()).map_or(Symbol::EMPTY, |l| l.name)
    }

    pub(crate) fn is_temporary(&self, id: LocalId) -> bool {
        id.0 >= self.function.params && self.name_of(id).is_empty()
    }

    pub(crate) fn block(&self, id: BlockId) -> Option<&'a Block> {
        self.function.blocks.get(id.index())
    }

    pub(crate) fn instr(&self, at: Point) -> Option<&'a Instr> {
        self.block(at.block)?.instrs.get(at.instr)
    }

    pub(crate) fn model(&self, callee: Symbol) -> Option<&'a FnModel> {
        self.models.get(callee)
    }

    /// All points with an instruction, in block order.
    pub(crate) fn instrs(&self) -> impl Iterator<Item = (Point, &'a Instr)> + use<'a> {
        let blocks = &self.function.blocks;
        blocks.iter().enumerate().flat_map(|(index, block)| {
            block
                .instrs
                .iter()
                .enumerate()
                .map(move |(instr, body)| (Point { block: BlockId(index as u32), instr }, body))
        })
    }

    /// No instruction assigns the local.
    pub(crate) fn is_never_assigned(&self, id: LocalId) -> bool {
        matches!(self.definitions.get(id.index()), Some(Definition::None))
    }

    /// The only definition of a local whose address is not taken.
    pub(crate) fn only_definition(&self, id: LocalId) -> Option<Point> {
        if id.0 < self.function.params || self.is_addressed(id) {
            return None;
        }
        match self.definitions.get(id.index())? {
            Definition::One(at) => Some(*at),
            _ => None,
        }
    }

    /// Looks through temporaries and conversions.
    pub(crate) fn source(&self, operand: &'a Operand) -> Source<'a> {
        self.trace(operand, false)
    }

    /// Looks through temporaries, conversions, and variables that are assigned once.
    pub(crate) fn origin(&self, operand: &'a Operand) -> Source<'a> {
        self.trace(operand, true)
    }

    fn trace(&self, operand: &'a Operand, through_names: bool) -> Source<'a> {
        let mut operand = operand;
        for _ in 0..32 {
            let place = match operand {
                Operand::Const(constant) => return Source::Const(constant),
                Operand::Copy(place) => place,
            };
            let Some(id) = place.as_local() else { return Source::Place(place) };
            if !through_names && !self.is_temporary(id) {
                return Source::Place(place);
            }
            let Some(at) = self.only_definition(id) else { return Source::Place(place) };
            match self.instr(at).map(|i| &i.op) {
                Some(Op::Assign { src: Rvalue::Use(from) | Rvalue::Cast(_, from), .. }) => operand = from,
                Some(Op::Assign { src, .. }) => return Source::Value(src),
                Some(Op::Call { .. }) => return self.call_at(at).map_or(Source::Place(place), Source::Call),
                _ => return Source::Place(place),
            }
        }
        match operand {
            Operand::Const(constant) => Source::Const(constant),
            Operand::Copy(place) => Source::Place(place),
        }
    }

    pub(crate) fn call_at(&self, at: Point) -> Option<CallSite<'a>> {
        let index = self.calls.binary_search_by(|c| c.at.cmp(&at)).ok()?;
        self.calls.get(index).copied()
    }

    /// The integer that the operand is for certain.
    pub(crate) fn int(&self, operand: &'a Operand) -> Option<i128> {
        match self.origin(operand) {
            Source::Const(Const::Int(bits, ty)) => Some(self.program.types.int_value(*bits, *ty)),
            Source::Value(Rvalue::Unary(UnOp::Neg, inner)) => self.int(inner).map(|v| -v),
            _ => None,
        }
    }

    /// The text of the literal that the operand points to.
    pub(crate) fn literal(&self, operand: &'a Operand) -> Option<Symbol> {
        match self.origin(operand) {
            Source::Const(Const::Str { text, .. }) => Some(*text),
            Source::Place(place) => self.constant_text(place),
            Source::Value(Rvalue::AddrOf(place)) => self.constant_text(place),
            _ => None,
        }
    }

    /// The text of a `const char *` or `const char []` with static storage.
    fn constant_text(&self, place: &Place) -> Option<Symbol> {
        let Base::Global(id) = place.base else { return None };
        let global = self.program.globals.get(id.index())?;
        match &global.init {
            banbury_ir::Init::Const(Const::Str { text, .. }) if global.is_const || global.is_static => {
                Some(*text)
            }
            _ => None,
        }
    }

    /// The integer type of the operand, where it has one.
    pub(crate) fn int_type(&self, operand: &Operand) -> Option<(u16, bool)> {
        self.program.types.int_info(self.type_of(operand)?)
    }

    pub(crate) fn type_of(&self, operand: &Operand) -> Option<TypeId> {
        match operand {
            Operand::Copy(place) => self.place_type(place),
            Operand::Const(Const::Int(_, ty) | Const::Float(_, ty) | Const::UnknownInt(ty)) => Some(*ty),
            Operand::Const(_) => None,
        }
    }

    pub(crate) fn place_type(&self, place: &Place) -> Option<TypeId> {
        self.function.place_type(place, &self.program.globals, &self.program.types)
    }

    pub(crate) fn is_pointer(&self, ty: TypeId) -> bool {
        matches!(self.program.types.get(ty), Type::Pointer(_) | Type::Array(..))
    }

    /// The last name of the place: a field, else the variable; looks through `&` and casts.
    pub(crate) fn last_name(&self, operand: &'a Operand) -> Symbol {
        match self.source(operand) {
            Source::Place(place) | Source::Value(Rvalue::AddrOf(place)) => self.place_name(place),
            Source::Value(Rvalue::PtrAdd { ptr, .. }) => self.last_name(ptr),
            _ => Symbol::EMPTY,
        }
    }

    pub(crate) fn place_name(&self, place: &Place) -> Symbol {
        let field = place.proj.iter().rev().find_map(|p| match p {
            Proj::Field(field) if !field.name.is_empty() => Some(field.name),
            _ => None,
        });
        field.unwrap_or_else(|| self.base_name(place.base))
    }

    pub(crate) fn base_name(&self, base: Base) -> Symbol {
        match base {
            Base::Local(id) => self.name_of(id),
            Base::Global(id) => self.program.globals.get(id.index()).map_or(Symbol::EMPTY, |g| g.name),
        }
    }

    /// The place in C's notation. Temporaries are written as what they hold.
    pub(crate) fn place_text(&self, place: &Place) -> String {
        self.place_text_to(place, 0)
    }

    fn place_text_to(&self, place: &Place, depth: u32) -> String {
        let mut text = match place.base {
            Base::Local(id) if self.is_temporary(id) && depth < 6 => {
                let source = self.only_definition(id).and_then(|at| self.instr(at)).map(|i| &i.op);
                match source {
                    Some(Op::Assign { src: Rvalue::Use(o) | Rvalue::Cast(_, o), .. }) => {
                        self.operand_text_to(o, depth + 1)
                    }
                    Some(Op::Assign { src: Rvalue::AddrOf(p), .. }) => {
                        let inner = self.place_text_to(p, depth + 1);
                        inner.strip_suffix("[0]").map_or_else(|| format!("&{inner}"), str::to_owned)
                    }
                    Some(Op::Call { callee: Callee::Direct(name), .. }) => format!("{name}()"),
                    _ => "value".to_owned(),
                }
            }
            base => self.base_name(base).as_str().to_owned(),
        };
        let mut pointer = false;
        for proj in &place.proj {
            match proj {
                Proj::Deref => pointer = true,
                Proj::At(index) | Proj::Elem(index) => {
                    let index = match index {
                        Index::Const(value) => value.to_string(),
                        Index::Local(id) => self.place_text_to(&Place::local(*id), depth + 1),
                    };
                    text = format!("{text}[{index}]");
                    pointer = false;
                }
                Proj::Field(field) => {
                    if !field.name.is_empty() {
                        text = format!("{text}{}{}", if pointer { "->" } else { "." }, field.name);
                    }
                    pointer = false;
                }
            }
        }
        if pointer { format!("*{text}") } else { text }
    }

    pub(crate) fn operand_text(&self, operand: &Operand) -> String {
        self.operand_text_to(operand, 0)
    }

    fn operand_text_to(&self, operand: &Operand, depth: u32) -> String {
        match operand {
            Operand::Copy(place) => self.place_text_to(place, depth),
            Operand::Const(Const::Int(bits, ty)) => self.program.types.int_value(*bits, *ty).to_string(),
            Operand::Const(Const::Float(value, _)) => format!("{value:?}"),
            Operand::Const(Const::Str { text, .. }) => format!("{:?}", shorten(text.as_str())),
            Operand::Const(Const::Func(name)) => name.to_string(),
            Operand::Const(Const::GlobalAddr(id, _)) => format!("&{}", self.base_name(Base::Global(*id))),
            Operand::Const(Const::UnknownInt(_)) => "a constant".to_owned(),
        }
    }

    pub(crate) fn predecessors(&self) -> &[Vec<BlockId>] {
        self.predecessors.get_or_init(|| {
            let mut out = vec![Vec::new(); self.function.blocks.len()];
            for (index, block) in self.function.blocks.iter().enumerate() {
                for next in block.term.successors() {
                    if let Some(list) = out.get_mut(next.index()) {
                        list.push(BlockId(index as u32));
                    }
                }
            }
            out
        })
    }

    /// Blocks that control gets to from the start of `from`, `from` included, never through a
    /// block for which `stop` holds.
    pub(crate) fn reachable(&self, from: BlockId, stop: impl Fn(BlockId) -> bool) -> Vec<bool> {
        let mut seen = vec![false; self.function.blocks.len()];
        let mut work = vec![from];
        while let Some(id) = work.pop() {
            if seen.get(id.index()).copied().unwrap_or(true) || stop(id) {
                continue;
            }
            seen[id.index()] = true;
            if let Some(block) = self.block(id) {
                work.extend(block.term.successors());
            }
        }
        seen
    }

    /// Whether control can get from `from` to `to`.
    pub(crate) fn leads_to(&self, from: Point, to: Point) -> bool {
        if from.block == to.block && from.instr < to.instr {
            return true;
        }
        let Some(block) = self.block(from.block) else { return false };
        block
            .term
            .successors()
            .iter()
            .any(|next| self.reachable(*next, |_| false).get(to.block.index()).copied().unwrap_or(false))
    }

    /// Immediate dominators (Cooper, Harvey, Kennedy 2001); `None` for the entry and for blocks
    /// that are not reached.
    fn dominators(&self) -> &[Option<BlockId>] {
        self.dominators.get_or_init(|| {
            let order = self.reverse_postorder();
            let count = self.function.blocks.len();
            let mut rank = vec![usize::MAX; count];
            for (position, id) in order.iter().enumerate() {
                rank[id.index()] = position;
            }
            let mut idom: Vec<Option<BlockId>> = vec![None; count];
            let entry = BlockId(0);
            let mut changed = true;
            while changed {
                changed = false;
                for &id in order.iter().skip(1) {
                    let mut new: Option<BlockId> = None;
                    for &pred in &self.predecessors()[id.index()] {
                        if pred != entry && idom[pred.index()].is_none() {
                            continue;
                        }
                        new = Some(match new {
                            None => pred,
                            Some(other) => intersect(&idom, &rank, pred, other),
                        });
                    }
                    if idom[id.index()] != new {
                        idom[id.index()] = new;
                        changed = true;
                    }
                }
            }
            idom
        })
    }

    fn reverse_postorder(&self) -> Vec<BlockId> {
        let count = self.function.blocks.len();
        let mut seen = vec![false; count];
        let mut order = Vec::with_capacity(count);
        let mut stack: Vec<(BlockId, usize)> = Vec::new();
        if count > 0 {
            seen[0] = true;
            stack.push((BlockId(0), 0));
        }
        while let Some((id, next)) = stack.pop() {
            let successors = self.function.blocks[id.index()].term.successors();
            match successors.get(next) {
                Some(&to) => {
                    stack.push((id, next + 1));
                    if to.index() < count && !seen[to.index()] {
                        seen[to.index()] = true;
                        stack.push((to, 0));
                    }
                }
                None => order.push(id),
            }
        }
        order.reverse();
        order
    }

    pub(crate) fn numbers(&self) -> &[Option<Numbers>] {
        self.numbers.get_or_init(|| self.find_numbers())
    }

    pub(crate) fn dominator(&self, block: BlockId) -> Option<BlockId> {
        self.dominators().get(block.index()).copied().flatten()
    }

    /// Whether every way to `block` goes through `over`.
    pub(crate) fn dominates(&self, over: BlockId, block: BlockId) -> bool {
        let idom = self.dominators();
        let mut at = block;
        for _ in 0..=idom.len() {
            if at == over {
                return true;
            }
            match idom.get(at.index()).copied().flatten() {
                Some(up) => at = up,
                None => return false,
            }
        }
        false
    }

    /// Blocks that are reached only over the edge from `from` to `to`.
    pub(crate) fn guarded(&self, from: BlockId, to: BlockId) -> Vec<BlockId> {
        if self.predecessors().get(to.index()).is_none_or(|p| p.iter().any(|b| *b != from)) {
            return Vec::new();
        }
        (0..self.function.blocks.len() as u32).map(BlockId).filter(|b| self.dominates(to, *b)).collect()
    }

    /// Calls within the blocks.
    pub(crate) fn calls_in<'s>(&'s self, blocks: &'s [BlockId]) -> impl Iterator<Item = &'s CallSite<'a>> {
        self.calls.iter().filter(|call| blocks.contains(&call.at.block))
    }

    pub(crate) fn issue(&self, rule: &'static str, cwe: u32, span: Span, message: String) -> Issue {
        Issue {
            rule,
            cwe,
            span,
            function: self.function.name,
            message,
            steps: Vec::new(),
            features: Vec::new(),
        }
    }
}

fn intersect(idom: &[Option<BlockId>], rank: &[usize], a: BlockId, b: BlockId) -> BlockId {
    let (mut a, mut b) = (a, b);
    while a != b {
        while rank[a.index()] > rank[b.index()] {
            match idom[a.index()] {
                Some(up) => a = up,
                None => return b,
            }
        }
        while rank[b.index()] > rank[a.index()] {
            match idom[b.index()] {
                Some(up) => b = up,
                None => return a,
            }
        }
    }
    a
}

/// The operands of a right-hand side.
pub(crate) fn for_operands<'a>(value: &'a Rvalue, mut f: impl FnMut(&'a Operand)) {
    match value {
        Rvalue::Use(a) | Rvalue::Unary(_, a) | Rvalue::Cast(_, a) => f(a),
        Rvalue::Binary(_, a, b) => {
            f(a);
            f(b);
        }
        Rvalue::PtrAdd { ptr, index, .. } => {
            f(ptr);
            f(index);
        }
        Rvalue::AddrOf(_) => {}
    }
}

/// The first forty characters.
pub(crate) fn shorten(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(37).collect();
    short.push_str("...");
    short
}
