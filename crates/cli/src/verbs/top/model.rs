//! The state of the view: what it knows, what is chosen, and what a key or news make of it. No terminal, no clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use abide_host::{Home, Known, Order};
use abide_os::manager::Scope;

use super::news::{Happened, Id, LogLine, News, Seen};
use super::past::Past;
use crate::text;
use crate::verbs::status::Fact;

/// How many lines of a service's output are kept.
const LINES: usize = 2000;

/// What is shown of the chosen service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// What it prints.
    #[default]
    Logs,
    /// What happened to it.
    Events,
    /// What is known of it.
    Detail,
    /// What it uses.
    Graph,
}

impl Tab {
    /// All, in their order.
    pub const ALL: [Self; 4] = [Self::Logs, Self::Events, Self::Detail, Self::Graph];

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Events => "events",
            Self::Detail => "detail",
            Self::Graph => "graph",
        }
    }

    /// The one so many places further on, around the end.
    pub fn turned(self, places: usize) -> Self {
        let at = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0);
        Self::ALL.iter().copied().cycle().nth(at + places).unwrap_or(self)
    }
}

/// A service.
#[derive(Debug)]
pub struct Service {
    /// Where it lives.
    pub home: Home,
    /// What is known of it.
    pub known: Known,
    /// The same in words.
    pub facts: Vec<Fact>,
    /// Why changes of it are not told, where that is so.
    pub blind: Option<String>,
    /// What it used.
    pub past: Past,
}

impl Service {
    /// Whether somebody should look at it.
    pub fn is_failing(&self) -> bool {
        let status = &self.known.status;
        match status.state.as_str() {
            "failed" | "backing-off" | "unknown" => true,
            "running" => !status.healthy,
            _ => false,
        }
    }
}

/// What is said below everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The words.
    pub text: String,
    /// What to do next.
    pub hint: Option<String>,
    /// It is no good news.
    pub is_bad: bool,
}

/// What the one who runs the view is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing but to draw.
    Draw,
    /// To draw all anew, whatever stands there.
    DrawAnew,
    /// To end.
    Quit,
    /// To make a service do something.
    Do(Id, Order),
    /// To look at all services again.
    Look,
}

/// What the view knows.
#[derive(Debug, Default)]
pub struct Model {
    /// The services by name.
    pub services: BTreeMap<Id, Service>,
    /// Whether the services have been looked at.
    pub looked: bool,
    /// Why there may be more of them than could be told.
    pub denied: Option<String>,
    /// The chosen one.
    pub chosen: Option<Id>,
    /// What is shown of it.
    pub tab: Tab,
    /// Only those whose names hold this are shown.
    pub filter: String,
    /// The filter is being typed.
    pub typing: bool,
    /// The keys are shown.
    pub help: bool,
    /// What waits for a yes.
    pub question: Option<(Id, Order)>,
    /// What was said last.
    pub told: Option<Told>,
    /// Those that are doing something that they were told.
    pub busy: BTreeSet<Id>,
    /// What the chosen one printed, oldest first.
    pub lines: VecDeque<LogLine>,
    /// Why that is not told.
    pub no_lines: Option<String>,
    /// What happened to the chosen one, oldest first.
    pub events: Vec<Happened>,
    /// Why that is not told.
    pub no_events: Option<String>,
    /// How many lines it is from the newest back, or in the detail from the first on.
    pub scrolled: usize,
    /// Why it is not told what services use.
    pub no_samples: Option<String>,
    /// Why no change is told any more.
    pub blind: Option<String>,
}

impl Model {
    /// A view that knows nothing yet, of the services whose names hold `filter`.
    pub fn new(filter: String) -> Self {
        Self { filter, ..Self::default() }
    }

    /// The services that are shown, failing ones first, then by name.
    pub fn shown(&self) -> Vec<(&Id, &Service)> {
        let wanted = self.filter.to_lowercase();
        let mut shown: Vec<_> = self
            .services
            .iter()
            .filter(|(id, _)| id.name.as_str().to_lowercase().contains(&wanted))
            .collect();
        // The order of those that are alike stays.
        shown.sort_by_key(|(_, service)| !service.is_failing());
        shown
    }

    /// The chosen service.
    pub fn chosen(&self) -> Option<(&Id, &Service)> {
        let id = self.chosen.as_ref()?;
        Some((id, self.services.get(id)?))
    }

    /// Where the chosen service stands among those shown.
    pub fn place(&self) -> Option<usize> {
        let chosen = self.chosen.as_ref()?;
        self.shown().iter().position(|(id, _)| *id == chosen)
    }

    /// Chooses the one at a place, or the last one.
    pub fn choose(&mut self, place: usize) {
        let shown = self.shown();
        let id = shown.get(place).or(shown.last()).map(|(id, _)| (*id).clone());
        if id != self.chosen {
            self.chosen = id;
            self.lines.clear();
            self.events.clear();
            (self.no_lines, self.no_events, self.scrolled) = (None, None, 0);
        }
    }

    /// Says something below everything.
    pub fn tell(&mut self, text: impl Into<String>, hint: Option<String>, is_bad: bool) {
        let text = text::plain(&text.into());
        self.told = Some(Told { text, hint: hint.map(|hint| text::plain(&hint)), is_bad });
    }

    /// Takes what is told; keys are [`super::keys`]' matter.
    pub fn take(&mut self, news: News) {
        match news {
            News::Services(all, denied) => {
                self.denied = denied;
                self.replace(all);
            }
            News::Service(seen) => self.put(*seen),
            News::Samples(samples) => {
                self.no_samples = None;
                for (id, sample) in samples {
                    if let Some(service) = self.services.get_mut(&id) {
                        service.past.push(sample);
                    }
                }
            }
            News::NoSamples(why) => self.no_samples = Some(why),
            News::Lines(id, lines) if self.is_chosen(&id) => self.add_lines(lines),
            News::NoLines(id, why) if self.is_chosen(&id) => self.no_lines = Some(text::plain(&why)),
            News::Events(id, told) if self.is_chosen(&id) => match told {
                Ok(events) => {
                    let new = events.len().saturating_sub(self.events.len());
                    if self.tab == Tab::Events && self.scrolled > 0 {
                        self.scrolled += new;
                    }
                    (self.events, self.no_events) = (events, None);
                }
                Err(why) => self.no_events = Some(text::plain(&why)),
            },
            News::Blind(why) => self.blind = Some(why),
            News::Progress(id, words) => self.tell(format!("{}: {words}", id.name), None, false),
            News::Done(id, order, outcome) => {
                self.busy.remove(&id);
                match outcome {
                    Ok(told) => self.tell(format!("{}{told}", id.name), None, false),
                    Err(failure) => {
                        let error = format!("{} did not {order}: {}", id.name, failure.error);
                        self.tell(error, failure.hint, true);
                    }
                }
            }
            // Of one that was chosen before.
            News::Lines(..) | News::NoLines(..) | News::Events(..) => {}
            News::Key(_) | News::Resized | News::End | News::Broken(_) => {}
        }
    }

    fn is_chosen(&self, id: &Id) -> bool {
        self.chosen.as_ref() == Some(id)
    }

    fn replace(&mut self, all: Vec<Seen>) {
        let place = self.place().unwrap_or(0);
        let mut before = std::mem::take(&mut self.services);
        for seen in all {
            let past = before.remove(&seen.id).map(|service| service.past).unwrap_or_default();
            self.services.insert(seen.id.clone(), service(seen, past).1);
        }
        self.looked = true;
        self.keep(place);
    }

    fn put(&mut self, seen: Seen) {
        let place = self.place().unwrap_or(0);
        let past = self.services.remove(&seen.id).map(|service| service.past).unwrap_or_default();
        let (id, service) = service(seen, past);
        self.services.insert(id, service);
        self.keep(place);
    }

    /// Keeps to the one that is chosen; should it be shown no more, to the one in its place.
    pub fn keep(&mut self, place: usize) {
        if self.place().is_none() {
            self.choose(place);
        }
    }

    fn add_lines(&mut self, lines: Vec<LogLine>) {
        self.no_lines = None;
        for line in lines {
            match self.lines.back_mut() {
                Some(last) if line.goes_on => last.text.push_str(&line.text),
                _ => {
                    self.lines.push_back(line);
                    // What somebody reads stays where it is.
                    if self.tab == Tab::Logs && self.scrolled > 0 {
                        self.scrolled += 1;
                    }
                }
            }
        }
        while self.lines.len() > LINES {
            self.lines.pop_front();
        }
        self.scroll(0);
    }

    /// How many lines there are to scroll through.
    fn length(&self) -> usize {
        match self.tab {
            Tab::Logs => self.lines.len(),
            Tab::Events => self.events.len(),
            Tab::Detail => self.chosen().map_or(0, |(_, service)| service.facts.len()),
            Tab::Graph => 0,
        }
    }

    /// Goes so many lines up (back, for what grows), or down.
    pub fn scroll(&mut self, up: isize) {
        let up = if self.tab == Tab::Detail { -up } else { up };
        self.scrolled = self.scrolled.saturating_add_signed(up).min(self.length().saturating_sub(1));
    }
}

fn service(seen: Seen, past: Past) -> (Id, Service) {
    let Seen { id, home, known, facts, blind } = seen;
    (id, Service { home, known, facts, blind, past })
}

/// Tells a service from those of others with its name.
pub fn id(name: &abide_spec::Name, home: &Home) -> Id {
    Id { name: name.clone(), own: home.scope() == Some(Scope::User) }
}

#[cfg(test)]
pub mod tests {
    use std::path::Path;

    use abide_os::paths::Layout;
    use abide_supervisor::status::Status;

    use super::*;

    pub fn seen(name: &str, state: &str) -> Seen {
        let name: abide_spec::Name = name.parse().unwrap();
        let home = Home::Project(Layout::project(Path::new("/srv/shop")));
        let running = state == "running";
        let why = (!running).then(|| format!("{state}: exited with code 3"));
        let status = Status { ready: running, healthy: true, why, ..Status::never_ran(&name, state) };
        let known = Known { status, ..Known::nothing(&name, &home, String::new()) };
        let facts = Vec::new();
        Seen { id: id(&name, &home), home, known, facts, blind: None }
    }

    pub fn model(services: &[(&str, &str)]) -> Model {
        let mut model = Model::new(String::new());
        model.take(News::Services(services.iter().map(|(name, state)| seen(name, state)).collect(), None));
        model
    }

    pub fn names(model: &Model) -> Vec<&str> {
        model.shown().iter().map(|(id, _)| id.name.as_str()).collect()
    }

    fn line(text: &str) -> LogLine {
        LogLine { text: text.into(), level: None, goes_on: false }
    }

    #[test]
    fn failing_ones_come_first_then_names() {
        let mut model = model(&[("a", "running"), ("z", "failed"), ("m", "backing-off"), ("b", "stopped")]);
        assert_eq!(names(&model), ["m", "z", "a", "b"]);
        assert_eq!(model.chosen.as_ref().unwrap().name, "m");
        let mut unhealthy = seen("b", "running");
        unhealthy.known.status.healthy = false;
        model.take(News::Service(Box::new(unhealthy)));
        assert_eq!(names(&model), ["b", "m", "z", "a"]);
        assert_eq!(model.chosen.as_ref().unwrap().name, "m", "what is chosen stays so");
    }

    #[test]
    fn one_that_goes_leaves_its_place_to_the_next() {
        let mut model = model(&[("a", "running"), ("b", "running"), ("c", "running")]);
        model.choose(1);
        model.take(News::Lines(model.chosen.clone().unwrap(), vec![line("of b")]));
        model.take(News::Services(vec![seen("a", "running"), seen("c", "running")], None));
        assert_eq!(model.chosen.as_ref().unwrap().name, "c");
        assert!(model.lines.is_empty());
        model.take(News::Services(Vec::new(), None));
        assert!(model.chosen.is_none());
    }

    #[test]
    fn what_services_used_outlives_a_look() {
        let mut model = model(&[("a", "running")]);
        let id = model.chosen.clone().unwrap();
        let sample = super::super::past::Sample {
            at: std::time::Instant::now(),
            cpu: std::time::Duration::ZERO,
            memory: 7,
        };
        model.take(News::Samples(vec![(id.clone(), Some(sample))]));
        model.take(News::Services(vec![seen("a", "running")], None));
        model.take(News::Service(Box::new(seen("a", "running"))));
        assert_eq!(model.services[&id].past.now().unwrap().memory, 7);
    }

    #[test]
    fn lines_are_those_of_the_chosen_one_and_bounded() {
        let mut model = model(&[("a", "running"), ("b", "running")]);
        let (a, b) = (id_of("a"), id_of("b"));
        model.take(News::Lines(b, vec![line("not mine")]));
        assert!(model.lines.is_empty());
        model.take(News::Lines(a.clone(), (0..3000).map(|n| line(&n.to_string())).collect()));
        assert_eq!((model.lines.len(), model.lines[0].text.as_str()), (LINES, "1000"));
        model.take(News::Lines(a, vec![LogLine { goes_on: true, ..line("+") }]));
        assert_eq!((model.lines.len(), model.lines[LINES - 1].text.as_str()), (LINES, "2999+"));
    }

    #[test]
    fn what_is_read_stays_while_more_comes() {
        let mut model = model(&[("a", "running")]);
        let a = id_of("a");
        model.take(News::Lines(a.clone(), (0..10).map(|n| line(&n.to_string())).collect()));
        model.scroll(3);
        model.take(News::Lines(a.clone(), vec![line("x"), line("y")]));
        assert_eq!(model.scrolled, 5);
        model.scroll(1000);
        assert_eq!(model.scrolled, 11);
        model.scroll(-1000);
        model.take(News::Lines(a, vec![line("z")]));
        assert_eq!(model.scrolled, 0, "at the end it follows");
    }

    #[test]
    fn a_failed_act_is_told_with_its_hint_and_harmless() {
        let mut model = model(&[("a", "running")]);
        model.busy.insert(id_of("a"));
        let failure = crate::failure::Failure::new(crate::exit::Exit::Permission, "no\x1b[2J rights");
        let failure = failure.hint("`sudo abide top`");
        model.take(News::Done(id_of("a"), Order::Stop, Err(failure)));
        let told = model.told.clone().unwrap();
        assert_eq!(told.text, "a did not stop: no [2J rights");
        assert_eq!(told.hint.as_deref(), Some("`sudo abide top`"));
        assert!(told.is_bad && model.busy.is_empty());
    }

    pub fn id_of(name: &str) -> Id {
        seen(name, "running").id
    }
}
