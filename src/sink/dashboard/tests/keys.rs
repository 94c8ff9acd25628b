use super::*;
use crate::sink::dashboard::keys::{Key, Wish};
use crate::sink::dashboard::view::{Over, Pane, Sort};

fn press(view: &mut View, snapshot: &Arc<Snapshot>, keys: &[Key]) -> Wish {
    let pressed = keys.iter().map(|key| view.key(*key, snapshot, false));
    pressed.last().unwrap_or(Wish::Nothing)
}

fn typed(view: &mut View, snapshot: &Arc<Snapshot>, text: &str) {
    let keys: Vec<Key> = text.chars().map(Key::Char).collect();
    press(view, snapshot, &keys);
}

fn scene() -> (Arc<Snapshot>, View) {
    (Arc::new(morning(&policy()).snapshot()), View::default())
}

#[test]
fn a_filter_is_typed_kept_and_cleared() {
    let (snapshot, mut view) = scene();
    typed(&mut view, &snapshot, "/TEAMSx");
    press(&mut view, &snapshot, &[Key::Backspace]);
    assert!(view.flows(&snapshot).iter().all(|seen| seen.has("teams")));
    assert_eq!(view.flows(&snapshot).len(), 2);
    // `q` is a letter like any other here.
    typed(&mut view, &snapshot, "q");
    assert!(view.flows(&snapshot).is_empty());
    press(&mut view, &snapshot, &[Key::Backspace, Key::Enter]);
    assert_eq!((view.filter.as_str(), view.typing.is_none()), ("teams", true));
    typed(&mut view, &snapshot, "/zzz");
    press(&mut view, &snapshot, &[Key::Escape]);
    assert_eq!(view.filter, "teams");
    press(&mut view, &snapshot, &[Key::Escape]);
    assert_eq!(view.filter, "");
    for (sought, found) in [
        ("198.18.9.9", 1),
        ("inconclusive", 1),
        ("plaintext", 1),
        ("running", 2),
        ("unknown", 1),
    ] {
        view.filter = sought.into();
        assert_eq!(view.flows(&snapshot).len(), found, "{sought}");
    }
    view.filter = "nxdomain".into();
    assert_eq!(view.findings(&snapshot).len(), 1);
}

#[test]
fn flows_are_sorted_and_the_chosen_one_is_followed() {
    let (snapshot, mut view) = scene();
    let bytes = |view: &View| {
        view.flows(&snapshot)
            .iter()
            .map(|seen| seen.bytes())
            .collect::<Vec<_>>()
    };
    press(&mut view, &snapshot, &[Key::Char('s')]);
    assert_eq!(view.sort, Sort::Heaviest);
    assert!(bytes(&view).is_sorted_by(|a, b| a >= b));
    press(&mut view, &snapshot, &[Key::Down, Key::Down]);
    let cursor = view.cursor().clone();
    assert_eq!((cursor.at, cursor.is_set), (1, true));
    let second = view.flows(&snapshot)[1].id();
    view.sort = Sort::Newest;
    let flows = view.flows(&snapshot);
    view.follow(&flows);
    let at = view.cursor().at;
    assert_eq!(view.flows(&snapshot)[at].id(), second);
    press(&mut view, &snapshot, &[Key::Char('s'), Key::Char('s'), Key::Char('s')]);
    assert_eq!(view.sort, Sort::Gravest);
    let gravities: Vec<_> = view.flows(&snapshot).iter().map(|seen| seen.gravity()).collect();
    assert!(
        gravities.is_sorted_by(|a, b| a >= b) && gravities[0] > gravities[10],
        "{gravities:?}"
    );
}

#[test]
fn enter_opens_what_is_chosen() {
    let (snapshot, mut view) = scene();
    press(&mut view, &snapshot, &[Key::Enter]);
    assert!(matches!(&view.over, Some(Over::Flow(seen)) if seen.is_running));
    press(&mut view, &snapshot, &[Key::Escape, Key::Char('4'), Key::Enter]);
    assert!(matches!(&view.over, Some(Over::Endpoint(endpoint)) if &*endpoint.info.id == "web-app"));
    press(&mut view, &snapshot, &[Key::Char('q'), Key::Char('3'), Key::Enter]);
    assert!(matches!(view.over, Some(Over::Flow(_))));
    press(&mut view, &snapshot, &[Key::Escape, Key::Char('1'), Key::Enter]);
    assert_eq!((view.class.as_deref(), view.pane), (Some("salestim"), Pane::Flows));
    let of_lookup = snapshot
        .findings
        .iter()
        .position(|found| found.flow.is_none())
        .expect("one");
    press(&mut view, &snapshot, &[Key::Escape, Key::Char('3')]);
    let downs = vec![Key::Down; of_lookup + 1];
    press(&mut view, &snapshot, &downs);
    press(&mut view, &snapshot, &[Key::Enter]);
    assert!(view.over.is_none() && view.note.is_some());
}

#[test]
fn a_class_is_opened_exactly() {
    let (snapshot, mut view) = scene();
    typed(&mut view, &snapshot, "/zzz");
    press(&mut view, &snapshot, &[Key::Enter, Key::Char('1'), Key::Enter]);
    assert_eq!(view.narrowed().as_deref(), Some("class salestim"));
    let classes = |view: &View| {
        let flows = view.flows(&snapshot).into_iter().map(|seen| seen.class.to_string());
        let findings = view.findings(&snapshot).into_iter();
        flows
            .chain(findings.map(|found| found.what.class.to_string()))
            .collect::<Vec<_>>()
    };
    // `salestim-help` contains it, and is another.
    assert!(view.flows(&snapshot).len() > 1);
    assert!(
        classes(&view).iter().all(|class| class == "salestim"),
        "{:?}",
        classes(&view)
    );
    // A filter narrows it further, and Esc clears both.
    typed(&mut view, &snapshot, "/plaintext");
    press(&mut view, &snapshot, &[Key::Enter]);
    assert_eq!(view.flows(&snapshot).len(), 1);
    assert_eq!(view.narrowed().as_deref(), Some("class salestim, filter plaintext"));
    press(&mut view, &snapshot, &[Key::Escape]);
    assert_eq!(view.narrowed(), None);
    assert!(classes(&view).iter().any(|class| class == "salestim-help"));
}

#[test]
fn panes_are_gone_through_and_keys_end_or_save() {
    let (snapshot, mut view) = scene();
    for pane in [Pane::Findings, Pane::Endpoints, Pane::Classes, Pane::Flows] {
        press(&mut view, &snapshot, &[Key::Tab]);
        assert_eq!(view.pane, pane);
    }
    press(&mut view, &snapshot, &[Key::BackTab]);
    assert_eq!(view.pane, Pane::Classes);
    assert_eq!(press(&mut view, &snapshot, &[Key::Char('w')]), Wish::Save);
    assert_eq!(press(&mut view, &snapshot, &[Key::Char('q')]), Wish::End);
    press(
        &mut view,
        &snapshot,
        &[Key::Char('?'), Key::End, Key::PageDown, Key::Home],
    );
    assert!(matches!(view.over, Some(Over::Help)) && view.scroll == 0);
    assert_eq!(press(&mut view, &snapshot, &[Key::Char('q')]), Wish::Nothing);
    assert!(view.over.is_none());
}

#[test]
fn paused_the_picture_stands_still() {
    let (snapshot, mut view) = scene();
    press(&mut view, &snapshot, &[Key::Char('p')]);
    let later = Arc::new(Snapshot::default());
    press(&mut view, &later, &[Key::Down]);
    assert!(
        view.paused
            .as_ref()
            .is_some_and(|paused| Arc::ptr_eq(paused, &snapshot))
    );
    assert!(view.cursor().flow.is_some());
    press(&mut view, &later, &[Key::Char(' ')]);
    assert!(view.paused.is_none());
}

#[test]
fn nothing_to_choose_from_is_no_trouble() {
    let mut view = View::default();
    let empty = Arc::new(Snapshot::default());
    let keys = [
        Key::Enter,
        Key::Down,
        Key::End,
        Key::PageDown,
        Key::Up,
        Key::PageUp,
        Key::Home,
        Key::Char('s'),
        Key::Char('x'),
    ];
    for pane in Pane::ALL {
        view.pane = pane;
        press(&mut view, &empty, &keys);
        assert!(view.over.is_none());
    }
}
