//! Pictures, compared with files in `pictures/`. To write these anew: `FLOWSIFT_NEW_PICTURES=1 cargo test --lib dashboard`.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::sink::dashboard::keys::Key;
use crate::sink::dashboard::view::Pane;

/// Compares a picture with the one that was looked at.
fn check(name: &str, picture: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/sink/dashboard/tests/pictures")
        .join(format!("{name}.txt"));
    if std::env::var_os("FLOWSIFT_NEW_PICTURES").is_some() {
        std::fs::write(&path, picture).expect("a picture can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        picture == expected,
        "{name} has changed:\n{picture}\nand was:\n{expected}"
    );
}

fn morning_snapshot() -> Arc<Snapshot> {
    Arc::new(morning(&policy()).snapshot())
}

fn pressed(snapshot: &Arc<Snapshot>, keys: &[Key]) -> View {
    let mut view = View::default();
    for key in keys {
        view.key(*key, snapshot, false);
    }
    view
}

#[test]
fn pictures_are_as_they_were_looked_at() {
    let morning = morning_snapshot();
    let empty = Arc::new(Snapshot::default());
    let shown = |name, snapshot: &Arc<Snapshot>, keys: &[Key], size| {
        let mut view = pressed(snapshot, keys);
        check(name, &picture(snapshot, &gauges(), &mut view, LOOK, size));
    };
    const NARROW: (u16, u16) = (80, 24);
    const WIDE: (u16, u16) = (140, 40);
    shown("narrow", &morning, &[], NARROW);
    shown("wide", &morning, &[], WIDE);
    shown("empty", &empty, &[], NARROW);
    shown("empty-wide", &empty, &[], WIDE);
    shown("least", &morning, &[], (60, 16));
    shown("too-small", &morning, &[], (40, 10));
    shown("help", &morning, &[Key::Char('?')], NARROW);
    shown("classes", &morning, &[Key::Char('1')], NARROW);
    shown("findings", &morning, &[Key::Char('3'), Key::Down, Key::Down], NARROW);
    shown("endpoint", &morning, &[Key::Char('4'), Key::Enter], NARROW);
    shown("proof", &morning, &[Key::Enter], NARROW);
    shown("filter", &morning, &[Key::Char('/'), Key::Char('z')], NARROW);
}

#[test]
fn what_was_lost_is_never_out_of_sight() {
    let snapshot = morning_snapshot();
    let lost = Gauges {
        dropped: Some(Dropped {
            kernel: 120,
            interface: 7,
        }),
        lag_ns: 4 * SECOND,
        kept: Some((12, 3)),
        said: Some("eth0: went down: nothing is heard until it is up again".into()),
        ..gauges()
    };
    for keys in [&[][..], &[Key::Char('?')], &[Key::Enter], &[Key::Char('p')]] {
        let mut view = pressed(&snapshot, keys);
        let text = picture(&snapshot, &lost, &mut view, LOOK, (80, 24));
        assert!(text.contains("✗ 127 DROPPED (120 by kernel, 7 by interface)"), "{text}");
        assert!(text.contains("✗ lag 4.0s"), "{text}");
        assert!(text.contains("went down"), "{text}");
    }
    let mut view = pressed(&snapshot, &[Key::Char('p')]);
    let text = picture(&snapshot, &lost, &mut view, LOOK, (80, 24));
    assert!(text.contains("PAUSED: the capture goes on"), "{text}");
    check("lost", &picture(&snapshot, &lost, &mut View::default(), LOOK, (80, 24)));
    let tiny = picture(&snapshot, &lost, &mut View::default(), LOOK, (30, 5));
    assert!(tiny.contains("127 dropped"), "{tiny}");
}

#[test]
fn without_utf_8_all_is_ascii_and_without_colour_nothing_is_coloured() {
    use ratatui::style::Color;
    let snapshot = morning_snapshot();
    let plain = Look {
        colour: false,
        unicode: false,
    };
    for keys in [&[][..], &[Key::Char('?')], &[Key::Enter], &[Key::Char('4')]] {
        let mut view = pressed(&snapshot, keys);
        let cells = cells(&snapshot, &gauges(), &mut view, plain, (140, 40));
        assert!(cells.content.iter().all(|cell| cell.symbol().is_ascii()));
        assert!(
            cells
                .content
                .iter()
                .all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset))
        );
    }
    check(
        "ascii",
        &picture(&snapshot, &gauges(), &mut View::default(), plain, (80, 24)),
    );
}

#[test]
fn no_sense_hangs_on_a_colour() {
    let snapshot = morning_snapshot();
    for pane in Pane::ALL {
        let draw = |colour| {
            let mut view = View {
                pane,
                ..View::default()
            };
            let look = Look { colour, unicode: true };
            picture(&snapshot, &gauges(), &mut view, look, (120, 36))
        };
        assert_eq!(draw(true), draw(false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Names as they come from the wire, a policy's and an interface's words as they come from anybody, any size, any keys.
    #[test]
    fn nothing_that_comes_breaks_the_picture(
        wire in proptest::collection::vec(any::<u8>(), 0..300),
        word in any::<String>(),
        width in 0u16..220,
        height in 0u16..70,
        keys in proptest::collection::vec(0usize..20, 0..12),
        unicode in any::<bool>(),
    ) {
        let policy = policy();
        let mut board = morning(&policy);
        let mut row = under_way("x", 50_200, 4, u64::MAX / 2);
        row.naming.name = Some(Domain::from_text(&wire));
        board.flow(&row);
        let mut row = under_way("y", 50_201, 4, u64::MAX / 2);
        row.naming.name = Some(Domain::from_text(&wire));
        board.running(&Running { now_ns: NOON + SECOND, flows: u64::MAX, bytes: u64::MAX, listed: vec![row] });
        let snapshot = Arc::new(board.snapshot());
        let all = [
            Key::Char('1'), Key::Char('2'), Key::Char('3'), Key::Char('4'), Key::Enter, Key::Escape, Key::Tab, Key::BackTab,
            Key::Up, Key::Down, Key::PageUp, Key::PageDown, Key::Home, Key::End, Key::Char('s'), Key::Char('p'),
            Key::Char('?'), Key::Char('/'), Key::Char('x'), Key::Backspace,
        ];
        let clean = |word: &str| crate::sink::text::clean(word).into_owned();
        let gauges = Gauges { source: clean(&word), policy: clean(&word), said: Some(clean(&word)), ..gauges() };
        let look = Look { colour: true, unicode };
        let mut view = View::default();
        for key in keys {
            view.key(all[key], &snapshot, false);
            let cells = cells(&snapshot, &gauges, &mut view, look, (width, height));
            for cell in &cells.content {
                prop_assert!(!cell.symbol().contains(char::is_control), "{:?}", cell.symbol());
                prop_assert!(unicode || cell.symbol().is_ascii());
            }
        }
    }
}
