//! Merging states where paths meet, and extrapolating round loops.

use banbury_base::Span;

use crate::state::{Content, Life, Object, Part, State};
use crate::value::{Arena, Atom, AtomKind, Counter, MAX, MIN, NullOrigin, V};

/// Constraints up to which a merge adds what it knows of the merged values.
pub(crate) const MAX_MERGED: usize = 36;

/// Key of a slot in [`AtomKind::Phi`].
fn local_key(local: usize) -> u64 {
    local as u64
}

fn cell_key(addr: V) -> u64 {
    (1 << 32) | u64::from(addr.0)
}

/// Least upper bound of two states that reach `block`.
pub fn join(arena: &mut Arena, a: &State, b: &State, block: u32) -> State {
    let visit = arena.next_number();
    let mut out = a.clone();
    let mut phis = Vec::new();
    let mut minima = Vec::new();
    let mut steps = Vec::new();
    // Pointers first: what is left of a buffer shrinks by as much as its pointer moves.
    let based = |local: usize| match a.locals[local] {
        V::UNINIT => false,
        v => arena.base(v).is_some(),
    };
    let differs = (0..a.locals.len()).filter(|&local| a.locals[local] != b.locals[local]);
    let (pointers, others): (Vec<usize>, Vec<usize>) = differs.partition(|&local| based(local));
    for local in pointers.into_iter().chain(others) {
        let key = (block, local_key(local), visit);
        let v = phi(arena, (a, a.locals[local]), (b, b.locals[local]), key, &mut phis, &mut steps);
        out.locals[local] = v;
        least_of_both(arena, (a, a.locals[local]), (b, b.locals[local]), v, &mut minima);
        common_limits(arena, (a, a.locals[local]), (b, b.locals[local]), v, &mut minima);
    }
    if a.cells != b.cells {
        let mut cells = Vec::with_capacity(a.cells.len().max(b.cells.len()));
        for (addr, x, y) in merged_cells(arena, a, b) {
            let v = match x == y {
                true => x,
                false => phi(arena, (a, x), (b, y), (block, cell_key(addr), visit), &mut phis, &mut steps),
            };
            cells.push((addr, v));
        }
        out.cells = cells.into();
    }
    join_facts(arena, a, b, &mut out);
    for (atom, bounds) in phis {
        out.set_bounds(atom, bounds);
    }
    for c in minima {
        if out.cons.len() < MAX_MERGED {
            out.cons.push(c);
        }
    }
    join_objects(a, b, &mut out, visit);
    touch_dropped(arena, a, &mut out, visit);
    touch_dropped(arena, b, &mut out, visit);
    lose_identity(arena, a, b, &mut out);
    if a.epoch != b.epoch {
        out.epoch = visit;
    }
    out
}

/// `a < b ? a : b` is neither above `a` nor above `b`.
fn least_of_both(arena: &mut Arena, (sa, a): (&State, V), (sb, b): (&State, V), v: V, out: &mut Vec<V>) {
    if a == V::UNINIT || b == V::UNINIT || arena.base(a).is_some() || arena.base(b).is_some() {
        return;
    }
    let d = arena.sub(a, b);
    if arena.lin(d).terms.is_empty() {
        return;
    }
    let opposite = arena.scale(d, -1);
    if sa.proves_le0(arena, d) && sb.proves_le0(arena, opposite) {
        for side in [a, b] {
            let c = arena.sub(v, side);
            out.push(c);
        }
    }
}

/// What a constraint says of the value of one side, and holds for that of the other side as well,
/// holds for the merged value.
fn common_limits(arena: &mut Arena, (sa, a): (&State, V), (sb, b): (&State, V), v: V, out: &mut Vec<V>) {
    if a == V::UNINIT || b == V::UNINIT || arena.base(a) != arena.base(b) {
        return;
    }
    let base = arena.base(a).map_or(V::ZERO, |base| arena.of_atom(base));
    let [a, b, v] = [a, b, v].map(|x| arena.sub(x, base));
    if arena.lin(v).terms.len() > 1 {
        let ((lo_a, hi_a), (lo_b, hi_b)) = (sa.bounds(arena, a), sb.bounds(arena, b));
        let (lo, hi) = (lo_a.min(lo_b), hi_a.max(hi_b));
        if hi < MAX {
            out.push(arena.plus(v, -hi));
        }
        if lo > MIN {
            let negative = arena.scale(v, -1);
            out.push(arena.plus(negative, lo));
        }
    }
    for (from, x, other, y) in [(sa, a, sb, b), (sb, b, sa, a)] {
        let own = arena.lin(x).terms.len();
        if own == 0 {
            continue;
        }
        for &c in &from.cons {
            for sign in [1, -1] {
                let (x, y, v) = (arena.scale(x, sign), arena.scale(y, sign), arena.scale(v, sign));
                let rest = arena.sub(c, x);
                if arena.lin(rest).terms.len() + own != arena.lin(c).terms.len() {
                    continue;
                }
                let there = arena.add(rest, y);
                let merged = arena.add(rest, v);
                if !out.contains(&merged) && other.proves_le0(arena, there) {
                    out.push(merged);
                }
            }
        }
    }
}

/// A pointer to something owned that was merged with another value no longer tells which it is:
/// whether the memory is released cannot be followed from there.
fn lose_identity(arena: &Arena, a: &State, b: &State, out: &mut State) {
    let owned = |o: &(Atom, Object)| matches!(o.1.life, Life::Owned { .. });
    if !out.objects.iter().any(owned) {
        return;
    }
    let mut lost: Vec<Atom> = Vec::new();
    let mut merged = |x: V, y: V| {
        if x != y {
            for v in [x, y] {
                if v != V::UNINIT {
                    lost.extend(arena.lin(v).terms.iter().map(|t| t.0));
                }
            }
        }
    };
    for (x, y) in a.locals.iter().zip(&b.locals) {
        merged(*x, *y);
    }
    for &(addr, x) in a.cells.iter() {
        if let Some(y) = b.cell(addr) {
            merged(x, y);
        }
    }
    for (atom, object) in out.objects.iter_mut() {
        if matches!(object.life, Life::Owned { .. }) && lost.contains(atom) {
            object.life = Life::Maybe;
        }
    }
}

/// Cells of either state, with what a load would give in the other.
fn merged_cells(arena: &mut Arena, a: &State, b: &State) -> Vec<(V, V, V)> {
    let mut out = Vec::with_capacity(a.cells.len().max(b.cells.len()));
    let (mut i, mut j) = (0, 0);
    while i < a.cells.len() || j < b.cells.len() {
        let (x, y) = (a.cells.get(i), b.cells.get(j));
        match (x, y) {
            (Some(&(p, v)), Some(&(q, w))) if p == q => {
                out.push((p, v, w));
                i += 1;
                j += 1;
            }
            (Some(&(p, v)), q) if q.is_none_or(|q| p < q.0) => {
                if let Some(w) = absent_cell(arena, b, p) {
                    out.push((p, v, w));
                }
                i += 1;
            }
            (_, Some(&(q, w))) => {
                if let Some(v) = absent_cell(arena, a, q) {
                    out.push((q, v, w));
                }
                j += 1;
            }
            _ => break,
        }
    }
    out
}

/// What the address holds in a state that has no cell for it.
fn absent_cell(arena: &mut Arena, state: &State, addr: V) -> Option<V> {
    let base = arena.base(addr)?;
    let object = state.object(base).copied().unwrap_or_default();
    let content = match object.part {
        Some(part) if part.holds(arena, addr) => Content::Unknown(part.epoch),
        _ => object.content,
    };
    match content {
        Content::Zero => Some(V::ZERO),
        Content::Uninit => Some(V::UNINIT),
        Content::Initial => arena.existing(&AtomKind::Load(addr, 0)).map(|atom| arena.of_atom(atom)),
        Content::Unknown(epoch) => {
            arena.existing(&AtomKind::Load(addr, epoch)).map(|atom| arena.of_atom(atom))
        }
    }
}

fn phi(
    arena: &mut Arena,
    (sa, a): (&State, V),
    (sb, b): (&State, V),
    (block, key, visit): (u32, u64, u32),
    phis: &mut Vec<(Atom, (i128, i128))>,
    steps: &mut Vec<Step>,
) -> V {
    if a != V::UNINIT && b != V::UNINIT {
        if let Some(v) = same_step(arena, [a, b], steps) {
            return v;
        }
        // What was there before one of the paths changed it is the simpler of the two.
        let first = arena.lin(a).terms.len() <= arena.lin(b).terms.len();
        let ((from, moved, there), side) = if first { ((a, b, sb), 1) } else { ((b, a, sa), 0) };
        let d = arena.sub(moved, from);
        let same_base = arena.base(a).is_some() && arena.base(a) == arena.base(b);
        // The same address or expression at two distances: keep what they share.
        if arena.lin(d).terms.is_empty() && !arena.lin(a).terms.is_empty() || same_base {
            let (lo, hi) = there.bounds(arena, d);
            let atom = arena.fresh(lo.min(0), hi.max(0));
            arena.info_mut(atom).taint = arena.taint_of(d);
            phis.push((atom, (lo.min(0), hi.max(0))));
            steps.push((d, atom, side));
            let v = arena.of_atom(atom);
            return arena.add(from, v);
        }
    }
    let bounds_of = |arena: &Arena, s: &State, v: V| match v {
        V::UNINIT => (MAX, MIN),
        v => s.bounds(arena, v),
    };
    let (x, y) = (bounds_of(arena, sa, a), bounds_of(arena, sb, b));
    let bounds = (x.0.min(y.0), x.1.max(y.1));
    let atom = arena.atom(AtomKind::Phi(block, key, visit), MIN, MAX);
    let pointer = |arena: &Arena, v: V| v != V::UNINIT && arena.base(v).is_some();
    let is_pointer = pointer(arena, a) || pointer(arena, b);
    let taint = match arena.taint_of(a) {
        0 => arena.taint_of(b),
        t => t,
    };
    let source = |arena: &Arena, v: V| {
        let atom = arena.as_atom(v).or_else(|| arena.base(v))?;
        let info = arena.info(atom);
        Some((info.name, info.span, info.ty, info.null))
    };
    let (sa_info, sb_info) = (source(arena, a), source(arena, b));
    let null = sa_info.and_then(|i| i.3).or(sb_info.and_then(|i| i.3)).or_else(|| {
        let zero = arena.constant(a) == Some(0) || arena.constant(b) == Some(0);
        (is_pointer && zero).then_some((NullOrigin::Assigned, Span::NONE))
    });
    arena.set_pointer(atom, is_pointer);
    let info = arena.info_mut(atom);
    info.taint = taint;
    info.null = null;
    if let Some((name, span, ty, _)) = sa_info.or(sb_info) {
        (info.name, info.span, info.ty) = (name, span, ty);
    }
    if bounds.0 <= bounds.1 {
        phis.push((atom, bounds));
    }
    arena.of_atom(atom)
}

/// By how much a value moved on one of two paths, the atom that is that or zero, and the path.
type Step = (V, Atom, usize);

/// Moved on the same path as something else and by as much, or by the opposite: `p + left` stays
/// what it was, whichever path was taken.
fn same_step(arena: &mut Arena, sides: [V; 2], steps: &[Step]) -> Option<V> {
    for &(step, atom, side) in steps {
        let (moved, from) = (sides[side], sides[1 - side]);
        let d = arena.sub(moved, from);
        let opposite = arena.scale(d, -1);
        let factor = if d == step {
            1
        } else if opposite == step {
            -1
        } else {
            continue;
        };
        if arena.lin(from).terms.is_empty() {
            continue;
        }
        let v = arena.of_atom(atom);
        let by = arena.scale(v, factor);
        return Some(arena.add(from, by));
    }
    None
}

fn join_facts(arena: &mut Arena, a: &State, b: &State, out: &mut State) {
    let mut facts = Vec::with_capacity(a.facts.len());
    for &(atom, x) in &a.facts {
        let y = b.bounds_of_atom(arena, atom);
        let hull = (x.0.min(y.0), x.1.max(y.1));
        let info = arena.info(atom);
        if hull != (info.lo, info.hi) {
            facts.push((atom, hull));
        }
    }
    out.facts = facts.into();
    let mut cons = Vec::with_capacity(a.cons.len());
    for (from, other) in [(a, b), (b, a)] {
        for &c in &from.cons {
            if !cons.contains(&c) && (other.cons.contains(&c) || other.proves_le0(arena, c)) {
                cons.push(c);
            }
        }
    }
    out.cons = cons.into();
    let differs = |st: &State, (atom, k): (Atom, i128)| {
        let (lo, hi) = st.bounds_of_atom(arena, atom);
        st.neq.contains(&(atom, k)) || k < lo || k > hi
    };
    out.neq.keep(|&pair| differs(b, pair));
    for &pair in &b.neq {
        if !out.neq.contains(&pair) && differs(a, pair) {
            out.neq.push(pair);
        }
    }
}

fn join_objects(a: &State, b: &State, out: &mut State, visit: u32) {
    if a.objects == b.objects {
        return;
    }
    let mut objects = Vec::with_capacity(a.objects.len().max(b.objects.len()));
    let (mut i, mut j) = (0, 0);
    while i < a.objects.len() || j < b.objects.len() {
        match (a.objects.get(i), b.objects.get(j)) {
            (Some(&(p, x)), Some(&(q, y))) if p == q => {
                objects.push((p, join_object(x, y, visit)));
                i += 1;
                j += 1;
            }
            (Some(&(p, x)), q) if q.is_none_or(|q| p < q.0) => {
                objects.push((p, only_on_one_path(x, visit)));
                i += 1;
            }
            (_, Some(&(q, y))) => {
                objects.push((q, only_on_one_path(y, visit)));
                j += 1;
            }
            _ => break,
        }
    }
    out.objects = objects.into();
}

/// What a path stored in memory of the caller's and the merge does not keep was still stored.
fn touch_dropped(arena: &Arena, from: &State, out: &mut State, visit: u32) {
    for &(addr, _) in from.cells.iter() {
        if out.cell(addr).is_some() {
            continue;
        }
        let Some(base) = arena.base(addr) else { continue };
        if !matches!(arena.info(base).kind, AtomKind::Param(_) | AtomKind::Load(..) | AtomKind::AddrGlobal(_))
        {
            continue;
        }
        let object = out.object_mut(base);
        object.touched = true;
        if object.content == Content::Uninit || object.content == Content::Zero {
            object.content = Content::Unknown(visit);
        }
    }
}

fn only_on_one_path(mut object: Object, visit: u32) -> Object {
    match object.life {
        // Not allocated on the other path: there the pointer is something else.
        Life::Owned { .. } | Life::Escaped { .. } | Life::Dead(_) => {}
        Life::Freed { .. } => object.life = Life::Maybe,
        Life::Static | Life::Maybe => {
            // On the other path it was never touched.
            if object.content != Content::Initial {
                object.content = Content::Unknown(visit);
            }
            object.strlen = None;
            object.filled = None;
            if let Some(part) = &mut object.part {
                part.epoch = visit;
            }
        }
    }
    object
}

fn join_part(x: Option<Part>, y: Option<Part>, visit: u32) -> Option<Part> {
    if x == y {
        return x;
    }
    let taint = |p: Option<Part>| p.map_or(0, |p| p.taint);
    let (a, b) = (x.or(y)?, y.or(x)?);
    Some(Part {
        lo: a.lo.min(b.lo),
        hi: a.hi.max(b.hi),
        epoch: visit,
        taint: if taint(x) != 0 { taint(x) } else { taint(y) },
    })
}

fn join_object(x: Object, y: Object, visit: u32) -> Object {
    if x == y {
        return x;
    }
    let life = match (x.life, y.life) {
        (p, q) if p == q => p,
        (Life::Owned { .. }, Life::Escaped { family }) | (Life::Escaped { family }, Life::Owned { .. }) => {
            Life::Escaped { family }
        }
        (Life::Freed { .. }, Life::Freed { .. }) => x.life,
        _ => Life::Maybe,
    };
    Object {
        size: if x.size == y.size { x.size } else { None },
        content: if x.content == y.content { x.content } else { Content::Unknown(visit) },
        life,
        taint: if x.taint != 0 { x.taint } else { y.taint },
        strlen: if x.strlen == y.strlen { x.strlen } else { None },
        filled: if x.filled == y.filled { x.filled } else { None },
        exposed: x.exposed || y.exposed,
        touched: x.touched || y.touched,
        shared: x.shared || y.shared,
        part: join_part(x.part, y.part, visit),
    }
}

/// Extrapolates from the state before a loop and the state after going round it: what changed
/// becomes its first value plus an unknown multiple of the change. Slots that change by the
/// same amount (or the opposite one) share the unknown, which keeps `p + remaining` constant.
///
/// `again` is the state after a second round, where there was one: a slot that then changed by
/// another constant is no counter.
pub fn widen(arena: &mut Arena, base: &State, back: &State, again: Option<&State>, block: u32) -> State {
    let visit = arena.next_number();
    let mut out = base.clone();
    let mut steps: Vec<(V, Atom)> = Vec::new();
    for local in 0..base.locals.len() {
        let (a, b) = (base.locals[local], back.locals[local]);
        if a != b {
            let next = again.map(|s| s.locals[local]);
            out.locals[local] =
                widen_slot(arena, (base, a), (back, b), next, (block, local_key(local), visit), &mut steps);
        }
    }
    let mut cells = Vec::with_capacity(base.cells.len());
    for (addr, a, b) in merged_cells(arena, base, back) {
        let v = match a == b {
            true => a,
            false => {
                let next = again.and_then(|s| s.cell(addr));
                widen_slot(arena, (base, a), (back, b), next, (block, cell_key(addr), visit), &mut steps)
            }
        };
        cells.push((addr, v));
    }
    out.cells = cells.into();
    // What is known of values from before the loop stays true: rounds do not change values, but
    // what variables hold.
    join_objects(base, back, &mut out, visit);
    touch_dropped(arena, back, &mut out, visit);
    if base.epoch != back.epoch {
        out.epoch = visit;
    }
    out
}

fn widen_slot(
    arena: &mut Arena,
    (base, a): (&State, V),
    (back, b): (&State, V),
    next: Option<V>,
    (block, key, visit): (u32, u64, u32),
    steps: &mut Vec<(V, Atom)>,
) -> V {
    if a == V::UNINIT || b == V::UNINIT {
        let known = if a == V::UNINIT { b } else { a };
        let atom = arena.atom(AtomKind::Phi(block, key, visit), MIN, MAX);
        let pointer = known != V::UNINIT && arena.base(known).is_some();
        let taint = if known == V::UNINIT { 0 } else { arena.taint_of(known) };
        arena.set_pointer(atom, pointer);
        arena.info_mut(atom).taint = taint;
        return arena.of_atom(atom);
    }
    let d = arena.sub(b, a);
    if arena.base(d).is_none() {
        let opposite = arena.scale(d, -1);
        let constant = arena.constant(d).is_some();
        let steady = match next {
            Some(V::UNINIT) => false,
            Some(next) => arena.sub(next, b) == d,
            None => true,
        };
        for &(step, atom) in steps.iter().filter(|_| steady || !constant) {
            let factor = if step == d {
                1
            } else if step == opposite {
                -1
            } else {
                match (arena.constant(step), arena.constant(d)) {
                    (Some(s), Some(k)) if s != 0 && k % s == 0 => k / s,
                    _ => continue,
                }
            };
            let atom_v = arena.of_atom(atom);
            let moved = arena.scale(atom_v, factor);
            return arena.add(a, moved);
        }
        let (lo, hi) = back.bounds(arena, d);
        if lo >= 0 || hi <= 0 || arena.base(a).is_some() {
            let bounds = (if lo >= 0 { 0 } else { MIN }, if hi <= 0 { 0 } else { MAX });
            let factor = arena.constant(d).map_or(1, i128::abs).max(1);
            let atom = arena.fresh(bounds.0, bounds.1);
            arena.info_mut(atom).taint = arena.taint_of(d);
            arena.info_mut(atom).counter = match (steady && constant, next) {
                (true, Some(_)) => Counter::Steady,
                (true, None) => Counter::Likely,
                _ if !constant && lo > 0 => Counter::Grows,
                _ => Counter::No,
            };
            // One unknown counts the rounds where the step is a constant.
            let unit = match arena.constant(d) {
                Some(k) => arena.int(k / factor),
                None => d,
            };
            if steady || !constant {
                steps.push((unit, atom));
            }
            let atom_v = arena.of_atom(atom);
            let moved = arena.scale(atom_v, factor);
            return arena.add(a, moved);
        }
    }
    let (x, y) = (base.bounds(arena, a), back.bounds(arena, b));
    let bounds = (if y.0 >= x.0 { x.0 } else { MIN }, if y.1 <= x.1 { x.1 } else { MAX });
    let atom = arena.atom(AtomKind::Phi(block, key, visit), bounds.0, bounds.1);
    let pointer = arena.base(a).is_some() || arena.base(b).is_some();
    let taint = match arena.taint_of(a) {
        0 => arena.taint_of(b),
        t => t,
    };
    let zero = arena.constant(a) == Some(0) || arena.constant(b) == Some(0);
    let inherited = arena.as_atom(b).and_then(|atom| arena.info(atom).null);
    arena.set_pointer(atom, pointer);
    let info = arena.info_mut(atom);
    info.taint = taint;
    info.null = inherited.or((pointer && zero).then_some((NullOrigin::Assigned, Span::NONE)));
    if pointer {
        info.lo = info.lo.max(0);
    }
    arena.of_atom(atom)
}
