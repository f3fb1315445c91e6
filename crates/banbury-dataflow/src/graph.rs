//! Who calls whom, and in which order functions are analysed.

use banbury_base::{FileId, Symbol};
use banbury_ir::{
    Callee, Const, FuncId, Init, Op, Operand, Place, Program, Proj, RecordId, Rvalue, Type, TypeId,
};
use rustc_hash::{FxHashMap, FxHashSet};

#[derive(Default)]
pub struct CallGraph {
    /// Callees of each function, ascending, without repeats.
    pub callees: Vec<Vec<FuncId>>,
    pub has_caller: Vec<bool>,
    /// Names of functions whose address is taken somewhere.
    pub address_taken: FxHashSet<Symbol>,
    /// Functions stored in a member, anywhere.
    pub members: FxHashMap<(RecordId, u32), Vec<Symbol>>,
    /// Classes by the class they name as their base.
    derived: FxHashMap<Symbol, Vec<Symbol>>,
}

/// Classes looked at for one virtual call.
const MAX_OVERRIDES: usize = 32;

impl CallGraph {
    pub fn new(program: &Program) -> CallGraph {
        let mut graph = CallGraph {
            callees: vec![Vec::new(); program.functions.len()],
            has_caller: vec![false; program.functions.len()],
            ..CallGraph::default()
        };
        for number in 0..program.types.record_count() {
            let Some(record) = program.types.record(RecordId(number as u32)) else { continue };
            for &base in &record.bases {
                let derived = graph.derived.entry(base).or_default();
                if !derived.contains(&record.name) {
                    derived.push(record.name);
                }
            }
        }
        for global in &program.globals {
            graph.add_init(program, &global.init, global.ty, None);
        }
        for (index, function) in program.functions.iter().enumerate() {
            let mut callees = Vec::new();
            for instr in function.blocks.iter().flat_map(|b| &b.instrs) {
                match &instr.op {
                    Op::Call { callee, args, .. } => {
                        match callee {
                            Callee::Direct(name) => callees.extend(program.resolve(function.file, *name)),
                            Callee::Virtual(class, method) => {
                                let all = graph.overrides(program, function.file, *class, *method);
                                callees.extend(all);
                            }
                            Callee::Indirect(_) => {}
                        }
                        args.iter().for_each(|a| graph.add_operand(a, None));
                    }
                    Op::Assign { dst, src } => graph.add_assign(dst, src),
                    _ => {}
                }
            }
            callees.sort_unstable();
            callees.dedup();
            for callee in &callees {
                if callee.index() != index {
                    graph.has_caller[callee.index()] = true;
                }
            }
            graph.callees[index] = callees;
        }
        graph.add_member_calls(program);
        graph
    }

    /// Every definition that a virtual call may reach: of the class and of what derives from it.
    pub fn overrides(&self, program: &Program, from: FileId, class: Symbol, method: Symbol) -> Vec<FuncId> {
        let mut classes = vec![class];
        let mut next = 0;
        while next < classes.len() && classes.len() < MAX_OVERRIDES {
            for &derived in self.derived.get(&classes[next]).into_iter().flatten() {
                if !classes.contains(&derived) {
                    classes.push(derived);
                }
            }
            next += 1;
        }
        let name = |class: &Symbol| Symbol::new(&format!("{class}::{method}"));
        let mut all: Vec<FuncId> = classes.iter().filter_map(|c| program.resolve(from, name(c))).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Every class with each that names it as its base.
    pub fn lineage(&self) -> impl Iterator<Item = (Symbol, Symbol)> + '_ {
        self.derived.iter().flat_map(|(&base, derived)| derived.iter().map(move |&class| (base, class)))
    }

    /// Calls through a member that holds one function only.
    fn add_member_calls(&mut self, program: &Program) {
        for (index, function) in program.functions.iter().enumerate() {
            let mut extra = Vec::new();
            for instr in function.blocks.iter().flat_map(|b| &b.instrs) {
                let Op::Call { callee: Callee::Indirect(Operand::Copy(place)), .. } = &instr.op else {
                    continue;
                };
                if let Some(Proj::Field(field)) = place.proj.last() {
                    let key = field.record.map(|r| (r, field.index));
                    if let Some([only]) = key.and_then(|k| self.members.get(&k)).map(Vec::as_slice) {
                        extra.extend(program.resolve(function.file, *only));
                    }
                }
            }
            if !extra.is_empty() {
                let callees = &mut self.callees[index];
                callees.extend(extra);
                callees.sort_unstable();
                callees.dedup();
            }
        }
    }

    fn add_assign(&mut self, dst: &Place, src: &Rvalue) {
        let member = match dst.proj.last() {
            Some(Proj::Field(field)) => field.record.map(|r| (r, field.index)),
            _ => None,
        };
        match src {
            Rvalue::Use(operand) | Rvalue::Cast(_, operand) | Rvalue::Unary(_, operand) => {
                self.add_operand(operand, member);
            }
            Rvalue::Binary(_, a, b) => {
                self.add_operand(a, None);
                self.add_operand(b, None);
            }
            Rvalue::AddrOf(_) | Rvalue::PtrAdd { .. } => {}
        }
    }

    fn add_operand(&mut self, operand: &Operand, member: Option<(RecordId, u32)>) {
        if let Operand::Const(Const::Func(name)) = operand {
            self.add_function(*name, member);
        }
    }

    fn add_function(&mut self, name: Symbol, member: Option<(RecordId, u32)>) {
        self.address_taken.insert(name);
        if let Some(key) = member {
            let list = self.members.entry(key).or_default();
            if !list.contains(&name) {
                list.push(name);
            }
        }
    }

    fn add_init(&mut self, program: &Program, init: &Init, ty: TypeId, member: Option<(RecordId, u32)>) {
        match init {
            Init::Const(Const::Func(name)) => self.add_function(*name, member),
            Init::List(entries) => {
                for (position, entry) in entries {
                    let (inner, member) = match program.types.get(ty) {
                        Type::Array(of, _) => (*of, None),
                        Type::Record(record) => {
                            let field =
                                program.types.record(*record).and_then(|r| r.fields.get(*position as usize));
                            match field {
                                Some(field) => (field.ty, Some((*record, *position))),
                                None => continue,
                            }
                        }
                        _ => (ty, None),
                    };
                    self.add_init(program, entry, inner, member);
                }
            }
            _ => {}
        }
    }

    /// Strongly connected components in waves: each wave only calls into earlier ones. Within a
    /// wave everything can run at the same time.
    pub fn waves(&self) -> Vec<Vec<Vec<FuncId>>> {
        let components = self.components();
        let mut component_of = vec![0usize; self.callees.len()];
        for (index, component) in components.iter().enumerate() {
            for f in component {
                component_of[f.index()] = index;
            }
        }
        // Tarjan's order is bottom-up already: callees come first.
        let mut level = vec![0usize; components.len()];
        let mut waves: Vec<Vec<Vec<FuncId>>> = Vec::new();
        for (index, component) in components.into_iter().enumerate() {
            let mut own = 0;
            for f in &component {
                for callee in &self.callees[f.index()] {
                    let other = component_of[callee.index()];
                    if other != index {
                        own = own.max(level[other] + 1);
                    }
                }
            }
            level[index] = own;
            if waves.len() <= own {
                waves.resize_with(own + 1, Vec::new);
            }
            waves[own].push(component);
        }
        waves
    }

    /// Members ascending; callees come before those that call them.
    fn components(&self) -> Vec<Vec<FuncId>> {
        let callee = |from: usize, nth: usize| self.callees[from].get(nth).map(|id| id.index());
        let all = components(self.callees.len(), callee);
        all.into_iter().map(|component| component.into_iter().map(FuncId).collect()).collect()
    }
}

/// Strongly connected components of a graph whose nodes' edges are numbered; members ascending,
/// what is led to first. Tarjan's algorithm without recursion.
pub(crate) fn components(nodes: usize, edge: impl Fn(usize, usize) -> Option<usize>) -> Vec<Vec<u32>> {
    const NEW: u32 = u32::MAX;
    let (mut index, mut low, mut on_stack) = (vec![NEW; nodes], vec![0u32; nodes], vec![false; nodes]);
    let (mut stack, mut out, mut counter) = (Vec::new(), Vec::new(), 0u32);
    for root in 0..nodes {
        if index[root] != NEW {
            continue;
        }
        let mut work: Vec<(usize, usize)> = vec![(root, 0)];
        while let Some(&mut (v, ref mut next)) = work.last_mut() {
            if *next == 0 {
                index[v] = counter;
                low[v] = counter;
                counter += 1;
                stack.push(v);
                on_stack[v] = true;
            }
            if let Some(w) = edge(v, *next) {
                *next += 1;
                if index[w] == NEW {
                    work.push((w, 0));
                } else if on_stack[w] {
                    low[v] = low[v].min(index[w]);
                }
                continue;
            }
            *next += 1;
            work.pop();
            if let Some(&(parent, _)) = work.last() {
                low[parent] = low[parent].min(low[v]);
            }
            if low[v] == index[v] {
                let mut component = Vec::new();
                while let Some(w) = stack.pop() {
                    on_stack[w] = false;
                    component.push(w as u32);
                    if w == v {
                        break;
                    }
                }
                component.sort_unstable();
                out.push(component);
            }
        }
    }
    out
}
