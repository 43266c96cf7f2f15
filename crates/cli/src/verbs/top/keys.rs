//! What keys do.

use abide_host::Order;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::model::{Action, Model, Tab};
use super::news::Id;

/// How far a page goes, in lines.
const PAGE: isize = 10;

/// The keys and what they do, as the help shows them.
pub const HELP: [(&str, &str); 14] = [
    ("↑ ↓ or k j", "choose a service; Home and End: the first, the last"),
    ("Tab or Enter", "the next tab; Shift-Tab the one before, 1 to 4 a certain one"),
    ("PgUp PgDn", "back and forth in what the tab shows"),
    ("/", "show only services whose names hold a text; Esc shows all"),
    ("s", "start it; where it runs: stop it, after a y"),
    ("r", "restart it, after a y"),
    ("p", "pause it; where it is paused: let it go on"),
    ("d", "switch its verbosity"),
    ("u", "look at all services again"),
    ("Ctrl-L", "draw everything anew"),
    ("?", "this help; any key leaves it"),
    ("q or Ctrl-C", "leave; the services go on"),
    ("", ""),
    ("CPU", "percent of one processor, of the whole process tree"),
];

/// What a key does.
pub fn press(model: &mut Model, key: KeyEvent) -> Action {
    // Some terminals tell of keys that are let go, too.
    if key.kind == KeyEventKind::Release {
        return Action::Draw;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Action::Quit,
            KeyCode::Char('l') => Action::DrawAnew,
            _ => Action::Draw,
        };
    }
    if std::mem::take(&mut model.help) {
        return Action::Draw;
    }
    if let Some((id, order)) = model.question.take() {
        if matches!(key.code, KeyCode::Char('y' | 'Y')) {
            return act(model, id, order);
        }
        model.tell(format!("{} is left as it is", id.name), None, false);
        return Action::Draw;
    }
    if model.typing {
        type_filter(model, key.code);
        return Action::Draw;
    }
    model.told = None;
    command(model, key.code)
}

fn type_filter(model: &mut Model, key: KeyCode) {
    let place = model.place().unwrap_or(0);
    match key {
        KeyCode::Char(c) if !c.is_control() => model.filter.push(c),
        KeyCode::Backspace => drop(model.filter.pop()),
        KeyCode::Esc => {
            model.filter.clear();
            model.typing = false;
        }
        KeyCode::Enter | KeyCode::Tab | KeyCode::Up | KeyCode::Down => model.typing = false,
        _ => {}
    }
    model.keep(place);
}

fn command(model: &mut Model, key: KeyCode) -> Action {
    let place = model.place().unwrap_or(0);
    match key {
        KeyCode::Char('q') => return Action::Quit,
        KeyCode::Char('u') => return Action::Look,
        KeyCode::Char('?') => model.help = true,
        KeyCode::Char('/') => model.typing = true,
        KeyCode::Esc => {
            model.filter.clear();
            model.keep(place);
        }
        KeyCode::Down | KeyCode::Char('j') => model.choose(place.saturating_add(1)),
        KeyCode::Up | KeyCode::Char('k') => model.choose(place.saturating_sub(1)),
        KeyCode::Home | KeyCode::Char('g') => model.choose(0),
        KeyCode::End | KeyCode::Char('G') => model.choose(usize::MAX),
        KeyCode::PageUp => model.scroll(PAGE),
        KeyCode::PageDown => model.scroll(-PAGE),
        KeyCode::Tab | KeyCode::Enter => turn(model, model.tab.turned(1)),
        KeyCode::BackTab => turn(model, model.tab.turned(Tab::ALL.len() - 1)),
        KeyCode::Char(c @ '1'..='4') => turn(model, Tab::Logs.turned(c as usize - '1' as usize)),
        KeyCode::Char(c @ ('s' | 'r' | 'p' | 'd')) => return order(model, c),
        _ => {}
    }
    Action::Draw
}

fn turn(model: &mut Model, tab: Tab) {
    if tab != model.tab {
        (model.tab, model.scrolled) = (tab, 0);
    }
}

/// Does what the key says to the chosen service, or asks first.
fn order(model: &mut Model, key: char) -> Action {
    let Some((id, service)) = model.chosen() else { return Action::Draw };
    let (id, status) = (id.clone(), &service.known.status);
    let order = match (key, status.state.as_str()) {
        ('s', "stopped" | "failed" | "waiting" | "unknown") => Order::Start,
        ('s', _) => Order::Stop,
        ('r', _) => Order::Restart,
        ('p', "paused") => Order::Continue,
        ('p', _) => Order::Pause,
        _ => Order::Debug { on: !status.debug },
    };
    if model.busy.contains(&id) {
        model.tell(format!("{} is still doing what it was told", id.name), None, false);
    } else if matches!(order, Order::Stop | Order::Restart) {
        model.question = Some((id, order));
    } else {
        return act(model, id, order);
    }
    Action::Draw
}

fn act(model: &mut Model, id: Id, order: Order) -> Action {
    model.tell(format!("{}: {order}…", id.name), None, false);
    model.busy.insert(id.clone());
    Action::Do(id, order)
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::{id_of, model, names};
    use super::super::news::{LogLine, News};
    use super::*;

    fn key(model: &mut Model, code: KeyCode) -> Action {
        press(model, KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn keys(model: &mut Model, keys: &str) -> Action {
        keys.chars().map(|c| key(model, KeyCode::Char(c))).last().unwrap()
    }

    fn chosen(model: &Model) -> &str {
        model.chosen.as_ref().unwrap().name.as_str()
    }

    #[test]
    fn arrows_and_letters_choose() {
        let mut model = model(&[("a", "running"), ("b", "running"), ("c", "running")]);
        for (code, now) in [
            (KeyCode::Down, "b"),
            (KeyCode::Char('j'), "c"),
            (KeyCode::Down, "c"),
            (KeyCode::Char('k'), "b"),
            (KeyCode::Home, "a"),
            (KeyCode::Up, "a"),
            (KeyCode::End, "c"),
        ] {
            assert_eq!(key(&mut model, code), Action::Draw);
            assert_eq!(chosen(&model), now);
        }
    }

    #[test]
    fn tabs_turn_both_ways() {
        let mut model = model(&[("a", "running")]);
        for (code, now) in [
            (KeyCode::Tab, Tab::Events),
            (KeyCode::Enter, Tab::Detail),
            (KeyCode::BackTab, Tab::Events),
            (KeyCode::Char('4'), Tab::Graph),
            (KeyCode::Tab, Tab::Logs),
            (KeyCode::BackTab, Tab::Graph),
        ] {
            key(&mut model, code);
            assert_eq!(model.tab, now);
        }
    }

    #[test]
    fn another_tab_begins_where_it_begins() {
        let mut model = model(&[("a", "running")]);
        let line = LogLine { text: "x".into(), level: None, goes_on: false };
        model.take(News::Lines(id_of("a"), vec![line; 30]));
        key(&mut model, KeyCode::PageUp);
        assert_eq!(model.scrolled, 10);
        keys(&mut model, "2");
        assert_eq!(model.scrolled, 0);
    }

    #[test]
    fn a_stop_and_a_restart_want_a_yes() {
        let mut model = model(&[("a", "running")]);
        assert_eq!(keys(&mut model, "s"), Action::Draw);
        assert_eq!(model.question, Some((id_of("a"), Order::Stop)));
        assert_eq!(keys(&mut model, "n"), Action::Draw);
        assert!(model.question.is_none() && model.busy.is_empty());
        assert_eq!(keys(&mut model, "sq"), Action::Draw, "any other key is a no");
        assert_eq!(keys(&mut model, "ry"), Action::Do(id_of("a"), Order::Restart));
        assert!(model.busy.contains(&id_of("a")));
        keys(&mut model, "s");
        assert!(model.question.is_none(), "it is at it still");
        model.take(News::Done(id_of("a"), Order::Restart, Ok(" is running".into())));
        assert_eq!(model.told.as_ref().unwrap().text, "a is running");
        assert_eq!(keys(&mut model, "sy"), Action::Do(id_of("a"), Order::Stop));
    }

    #[test]
    fn what_harms_nobody_is_done_at_once() {
        for (state, pressed, order) in [
            ("stopped", "s", Order::Start),
            ("failed", "s", Order::Start),
            ("running", "p", Order::Pause),
            ("paused", "p", Order::Continue),
            ("running", "d", Order::Debug { on: true }),
        ] {
            let mut model = model(&[("a", state)]);
            assert_eq!(keys(&mut model, pressed), Action::Do(id_of("a"), order), "{state} {pressed}");
        }
        let mut model = model(&[("a", "backing-off")]);
        keys(&mut model, "s");
        assert_eq!(model.question, Some((id_of("a"), Order::Stop)), "it would be started again");
    }

    #[test]
    fn a_filter_is_typed() {
        let mut model = model(&[("api", "running"), ("db", "running"), ("web-api", "running")]);
        keys(&mut model, "/qWEB");
        assert!(model.typing && names(&model).is_empty() && model.chosen.is_none());
        for _ in 0..4 {
            key(&mut model, KeyCode::Backspace);
        }
        key(&mut model, KeyCode::Backspace);
        keys(&mut model, "API");
        assert_eq!(names(&model), ["api", "web-api"]);
        assert_eq!(chosen(&model), "api");
        key(&mut model, KeyCode::Enter);
        assert_eq!(keys(&mut model, "j"), Action::Draw);
        assert_eq!(chosen(&model), "web-api");
        key(&mut model, KeyCode::Esc);
        assert_eq!(names(&model), ["api", "db", "web-api"]);
    }

    #[test]
    fn it_can_be_left_from_everywhere() {
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for before in ["", "/", "?", "s"] {
            let mut model = model(&[("a", "running")]);
            before.chars().for_each(|c| drop(keys(&mut model, &c.to_string())));
            assert_eq!(press(&mut model, control_c), Action::Quit);
        }
        assert_eq!(keys(&mut model(&[]), "q"), Action::Quit);
        assert_eq!(keys(&mut model(&[]), "srpd"), Action::Draw, "there is nothing to act on");
    }

    #[test]
    fn help_comes_and_goes() {
        let mut model = model(&[("a", "running")]);
        keys(&mut model, "?");
        assert!(model.help);
        assert_eq!(keys(&mut model, "q"), Action::Draw);
        assert!(!model.help);
    }
}
