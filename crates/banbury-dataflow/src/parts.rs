//! Members of a record that are written as a whole: what a peer sent into a buffer inside of a
//! session is not what the session's other members hold.

use banbury_ir::{Type, TypeId};

use crate::interp::Interp;
use crate::state::{Content, Part, State};
use crate::value::{Arena, Atom, AtomKind, V};

impl Interp<'_> {
    /// The bytes of a record that a write through the address may reach: (base, start, end).
    /// `None` where that is the whole object, or not known.
    pub fn member_range(&mut self, st: &State, v: V, ty: TypeId, n: Option<V>) -> Option<(Atom, i128, i128)> {
        let (base, offset) = self.a.split(v)?;
        let record = self.record_type(base)?;
        if let Some((start, bytes)) = self.a.sub_object(v) {
            let (inner, offset) = self.a.split(start)?;
            let at = self.a.constant(offset).filter(|_| inner == base)?;
            return Some((base, at, at + i128::from(bytes)));
        }
        let offset = self.a.plain(offset);
        let at = self.a.constant(offset).filter(|&at| at >= 0)?;
        let end = match n.and_then(|n| st.constant(&self.a, n)) {
            Some(n) => at + n,
            None => match self.types().get(ty) {
                Type::Void | Type::Unknown | Type::Int { bits: 8, .. } if at == 0 => return None,
                Type::Void | Type::Unknown | Type::Int { bits: 8, .. } => self.member_end(record, at)?,
                _ => at + i128::from(self.types().size_of(ty)?),
            },
        };
        let whole = self.types().size_of(record).map(i128::from);
        (at > 0 || whole.is_none_or(|w| end < w)).then_some((base, at, end))
    }

    pub fn record_type(&self, base: Atom) -> Option<TypeId> {
        let info = self.a.info(base);
        let ty = match info.kind {
            AtomKind::AddrLocal(id) => self.f.locals[id.index()].ty,
            AtomKind::AddrGlobal(id) => self.program.globals[id.index()].ty,
            AtomKind::Param(i) if self.is_record_param(base) => self.f.locals[i as usize].ty,
            _ => self.types().pointee(info.ty)?,
        };
        matches!(self.types().get(ty), Type::Record(_)).then_some(ty)
    }

    /// Where the member ends that holds the byte.
    pub fn member_end(&self, record: TypeId, at: i128) -> Option<i128> {
        let Type::Record(id) = self.types().get(record) else { return None };
        let fields = &self.types().record(*id)?.fields;
        let field = fields.iter().rfind(|f| f.offset.is_some_and(|o| i128::from(o) <= at))?;
        let end = field.offset? + self.types().size_of(field.ty)?;
        Some(i128::from(end)).filter(|&end| end > at)
    }

    /// The bytes hold something else from now on.
    pub fn write_part(&mut self, st: &mut State, base: Atom, lo: i128, hi: i128, taint: u32) {
        self.forget_range(st, base, lo, hi);
        let epoch = self.a.next_number();
        let object = st.object_mut(base);
        object.strlen = None;
        object.filled = None;
        object.part = Some(match object.part {
            Some(known) if lo > known.lo || hi < known.hi => Part {
                lo: lo.min(known.lo),
                hi: hi.max(known.hi),
                epoch,
                taint: if taint != 0 { taint } else { known.taint },
            },
            _ => Part { lo, hi, epoch, taint },
        });
    }

    /// The taint of what lies at an address.
    pub fn taint_at(&self, st: &State, addr: V) -> u32 {
        let Some(base) = self.a.base(addr).filter(|_| addr != V::UNINIT) else { return 0 };
        let Some(object) = st.object(base) else { return 0 };
        match object.part {
            Some(part) if part.taint != 0 && part.holds(&self.a, addr) => part.taint,
            _ => object.taint,
        }
    }

    /// What the object holds at the address where no cell says more.
    pub fn content_at(&self, st: &State, base: Atom, addr: V) -> Content {
        let object = st.object(base).copied().unwrap_or_default();
        match object.part {
            Some(part) if part.holds(&self.a, addr) => Content::Unknown(part.epoch),
            _ => object.content,
        }
    }
}

impl Part {
    /// Whether the address lies there, by its constant part: an index counts from the start of
    /// its array.
    pub fn holds(&self, arena: &Arena, addr: V) -> bool {
        let k = arena.lin(addr).k;
        self.lo <= k && k < self.hi
    }
}
