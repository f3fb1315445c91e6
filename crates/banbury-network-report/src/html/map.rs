//! Maps: sites as marks, the links between them as lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use banbury_network::{Inventory, TableId};

use super::text::escape;

/// Above this number of sites the map shows the cells of a grid.
const MOST: usize = 4000;
const WIDTH: f64 = 720.0;
const TALLEST: f64 = 820.0;
const EDGE: f64 = 22.0;

/// How a site is drawn; later ones lie above.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// Index into the picture's states; worse ones are higher.
    pub state: usize,
    /// How many reasons: larger marks.
    pub weight: u32,
}

/// What a state looks like: its name, colour and shape (0 disc, 1 square, 2 triangle).
pub(super) type State = (&'static str, &'static str, u8);

/// From degrees to the picture, plate carrée with the middle latitude true to scale.
struct Frame {
    west: f64,
    north: f64,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Frame {
    fn around(places: &[(usize, f64, f64)]) -> Frame {
        let least = |get: fn(&(usize, f64, f64)) -> f64| places.iter().map(get).fold(f64::MAX, f64::min);
        let most = |get: fn(&(usize, f64, f64)) -> f64| places.iter().map(get).fold(f64::MIN, f64::max);
        let (south, north) = (least(|p| p.1), most(|p| p.1));
        let (west, east) = (least(|p| p.2), most(|p| p.2));
        let squeeze = ((south + north) / 2.0).to_radians().cos().max(0.05);
        let (span_x, span_y) = (((east - west) * squeeze).max(0.01), (north - south).max(0.01));
        let scale = ((WIDTH - 2.0 * EDGE) / span_x).min(TALLEST / span_y);
        Frame {
            west,
            north,
            x: squeeze * scale,
            y: scale,
            width: span_x * scale + 2.0 * EDGE,
            height: span_y * scale + 2.0 * EDGE,
        }
    }

    fn at(&self, lat: f64, lon: f64) -> (f64, f64) {
        (EDGE + (lon - self.west) * self.x, EDGE + (self.north - lat) * self.y)
    }
}

/// Sites with coordinates: row, latitude, longitude.
fn places(inventory: &Inventory) -> Vec<(usize, f64, f64)> {
    let known = |(row, s): (usize, &banbury_network::Site)| Some((row, s.lat.known()?, s.lon.known()?));
    inventory.sites.iter().enumerate().filter_map(known).collect()
}

/// The map, or a sentence where no site has coordinates. `marks` are of the sites, by row.
pub(super) fn map(inventory: &Inventory, marks: &[Mark], states: &[State]) -> String {
    let places = places(inventory);
    if places.is_empty() {
        return "<p class=quiet>No site has coordinates.</p>".to_owned();
    }
    let frame = Frame::around(&places);
    let mut out = format!(
        "<svg viewBox=\"0 0 {0:.0} {1:.0}\" width=\"{0:.0}\" height=\"{1:.0}\" role=\"img\" aria-label=\"Map of sites\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"var(--land)\"/>\n",
        frame.width, frame.height
    );
    if places.len() <= MOST {
        lines(&mut out, inventory, &frame, &places);
        regions(&mut out, inventory, &frame, &places);
        let mut order = places;
        order.sort_by_key(|p| (marks[p.0], p.0));
        for (row, lat, lon) in order {
            let mark = marks[row];
            let reasons =
                if mark.weight > 1 { format!(" ({} controls)", mark.weight) } else { String::new() };
            let title = format!("{}: {}{reasons}", inventory.site_id(row), states[mark.state].0);
            let large = inventory.name(inventory.sites[row].kind.0) == "core";
            let size = 2.6 + 0.9 * f64::from(mark.weight.min(6)) + if large { 2.0 } else { 0.0 };
            shape(&mut out, frame.at(lat, lon), size, &states[mark.state], &title);
        }
    } else {
        cells(&mut out, &frame, &places, marks, states);
    }
    out.push_str("</svg>\n");
    out
}

fn shape(out: &mut String, (x, y): (f64, f64), r: f64, state: &State, title: &str) {
    let (_, colour, kind) = *state;
    let edge = "stroke=\"var(--land)\" stroke-width=\"0.8\"";
    let title = format!("<title>{}</title>", escape(title));
    let _ = match kind {
        2 => writeln!(
            out,
            "<path d=\"M{x:.1} {:.1}l{:.1} {:.1}h-{:.1}z\" fill=\"{colour}\" {edge}>{title}</path>",
            y - 1.1 * r,
            1.1 * r,
            1.9 * r,
            2.2 * r
        ),
        1 => writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{2:.1}\" height=\"{2:.1}\" fill=\"{colour}\" {edge}>{title}</rect>",
            x - 0.9 * r,
            y - 0.9 * r,
            1.8 * r
        ),
        _ => writeln!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\" fill=\"{colour}\" {edge}>{title}</circle>"
        ),
    };
}

/// The network between sites; links of the core thicker.
fn lines(out: &mut String, inventory: &Inventory, frame: &Frame, places: &[(usize, f64, f64)]) {
    let mut at: Vec<Option<(f64, f64)>> = vec![None; inventory.sites.len()];
    places.iter().for_each(|&(row, lat, lon)| at[row] = Some(frame.at(lat, lon)));
    let mut drawn: BTreeSet<(bool, usize, usize)> = BTreeSet::new();
    for link in inventory.links.iter() {
        let ends = link.a.row().zip(link.b.row());
        let sites = ends.and_then(|(a, b)| inventory.nodes[a].site.row().zip(inventory.nodes[b].site.row()));
        let kind = inventory.name(link.kind.0);
        if let Some((a, b)) = sites.filter(|(a, b)| a != b)
            && !matches!(kind, "signalling" | "management" | "sync")
            && inventory.name(link.status.0) == "active"
        {
            drawn.insert((kind == "core", a.min(b), a.max(b)));
        }
    }
    let (mut thin, mut thick) = (String::new(), String::new());
    for (core, a, b) in drawn {
        if let (Some((x1, y1)), Some((x2, y2))) = (at[a], at[b]) {
            let path = if core { &mut thick } else { &mut thin };
            let _ = write!(path, "M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}");
        }
    }
    let _ = writeln!(
        out,
        "<path d=\"{thin}\" stroke=\"var(--wire)\" stroke-width=\"0.8\" fill=\"none\"/>\n<path d=\"{thick}\" stroke=\"var(--trunk)\" stroke-width=\"2\" fill=\"none\"/>"
    );
}

/// The names of regions, each in the middle of its sites.
fn regions(out: &mut String, inventory: &Inventory, frame: &Frame, places: &[(usize, f64, f64)]) {
    let mut sums: BTreeMap<usize, (f64, f64, f64)> = BTreeMap::new();
    for &(row, lat, lon) in places {
        if let Some(region) = inventory.sites[row].region.row() {
            let (x, y) = frame.at(lat, lon);
            let sum = sums.entry(region).or_default();
            *sum = (sum.0 + x, sum.1 + y, sum.2 + 1.0);
        }
    }
    if !(2..=40).contains(&sums.len()) {
        return;
    }
    for (region, (x, y, n)) in sums {
        let name = inventory.id(inventory.key(TableId::regions, region));
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"{:.0}\" font-size=\"15\" letter-spacing=\"2\" text-anchor=\"middle\" fill=\"var(--quiet)\">{}</text>",
            x / n,
            y / n,
            escape(name)
        );
    }
}

/// The worst of each cell of a grid, larger where it holds more sites.
fn cells(out: &mut String, frame: &Frame, places: &[(usize, f64, f64)], marks: &[Mark], states: &[State]) {
    const CELL: f64 = 9.0;
    let mut cells: BTreeMap<(i32, i32), (usize, u32, u32)> = BTreeMap::new();
    for &(row, lat, lon) in places {
        let (x, y) = frame.at(lat, lon);
        let cell = cells.entry(((x / CELL) as i32, (y / CELL) as i32)).or_default();
        if marks[row].state > cell.0 {
            *cell = (marks[row].state, 0, cell.2);
        }
        cell.1 += u32::from(marks[row].state == cell.0);
        cell.2 += 1;
    }
    for ((column, line), (state, worst, all)) in cells {
        let title = format!("{worst} of {all} sites: {}", states[state].0);
        let at = ((f64::from(column) + 0.5) * CELL, (f64::from(line) + 0.5) * CELL);
        shape(out, at, 1.8 + f64::from(all).sqrt().min(8.0) * 0.35, &states[state], &title);
    }
}
