//! The terminal and the threads of the view.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant, SystemTime};

use abide_host::{Deed, Home, Order, Whose};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::terminal::disable_raw_mode;

use super::keys;
use super::look::{self, Asker};
use super::model::{Action, Model};
use super::news::{Id, News};
use super::view::{self, Look};
use crate::failure::Failure;
use crate::printer;
use crate::verbs::apply::words;

/// What waits to be taken; those who tell more wait.
const WAITING: usize = 64;
/// Between two drawings, unless a key is pressed: a program that prints much is not drawn line by line.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the view may take to end before it is ended.
const PATIENCE: Duration = Duration::from_secs(2);

/// Shows the view until the user leaves it.
pub fn run(mut model: Model, whose: Whose) -> Result<(), Failure> {
    let (news, told) = mpsc::sync_channel(WAITING);
    end_on_signals(news.clone())?;
    let asker = look::start(whose, news.clone())?;
    let cannot = |error| Failure::io("the terminal cannot be used", &error);
    // Sees to it that a panic leaves the terminal in order, too.
    let mut terminal = ratatui::try_init().map_err(cannot)?;
    let view = read_keys(news.clone())
        .map_err(|error| Failure::io("no thread for the keys", &error))
        .and_then(|()| show(&mut terminal, &mut model, &told, &asker, &news));
    let restored = ratatui::try_restore().map_err(cannot);
    view.and(restored)
}

/// A signal to end ends the view as a key does; where the terminal takes nothing, all the same.
fn end_on_signals(news: SyncSender<News>) -> Result<(), Failure> {
    let end = move || {
        let late = std::thread::Builder::new().name("late".into()).spawn(|| {
            std::thread::sleep(PATIENCE);
            let _ = disable_raw_mode();
            std::process::exit(1);
        });
        // Nobody takes it: the view has ended already.
        let _ = news.send(News::End);
        drop(late);
    };
    ctrlc::set_handler(end).map_err(|error| {
        Failure::new(crate::exit::Exit::Failed, format!("signals cannot be waited for: {error}"))
    })
}

fn read_keys(news: SyncSender<News>) -> std::io::Result<()> {
    let read = move || {
        loop {
            let told = match event::read() {
                Ok(Event::Key(key)) => News::Key(key),
                Ok(Event::Resize(..)) => News::Resized,
                Ok(_) => continue,
                Err(error) => News::Broken(Failure::io("the keys cannot be read", &error)),
            };
            let is_over = matches!(told, News::Broken(_));
            if news.send(told).is_err() || is_over {
                return;
            }
        }
    };
    std::thread::Builder::new().name("keys".into()).spawn(read).map(drop)
}

fn show(
    terminal: &mut DefaultTerminal,
    model: &mut Model,
    told: &Receiver<News>,
    asker: &Asker,
    news: &SyncSender<News>,
) -> Result<(), Failure> {
    let colour = printer::output_is_coloured();
    let mut chosen = None;
    // When what has changed is to be drawn.
    let mut due = Some(Instant::now());
    loop {
        let next = match due {
            Some(due) => told.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(News::Key(key)) => {
                due = Some(Instant::now());
                match keys::press(model, key) {
                    Action::Draw => {}
                    Action::DrawAnew => terminal.clear().map_err(drawing)?,
                    Action::Look => asker.look(),
                    Action::Quit => return Ok(()),
                    Action::Do(id, order) => act(model, id, order, asker, news),
                }
            }
            Ok(News::Resized) => due = Some(Instant::now()),
            Ok(News::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Ok(News::Broken(failure)) => return Err(failure),
            Ok(more) => {
                model.take(more);
                due = due.or_else(|| Some(Instant::now() + PAUSE));
            }
            Err(RecvTimeoutError::Timeout) => {
                let look = Look { colour, now: SystemTime::now() };
                terminal.draw(|frame| view::draw(frame, model, look)).map_err(drawing)?;
                due = None;
            }
        }
        if model.chosen != chosen {
            chosen.clone_from(&model.chosen);
            asker.choose(chosen.clone());
        }
    }
}

fn drawing(error: std::io::Error) -> Failure {
    Failure::io("the terminal cannot be written", &error)
}

/// Has a service do something, on a thread of its own.
fn act(model: &mut Model, id: Id, order: Order, asker: &Asker, news: &SyncSender<News>) {
    let Some(home) = model.services.get(&id).map(|service| service.home.clone()) else { return };
    let (asker, told, of) = (asker.clone(), news.clone(), id.clone());
    let act = move || {
        let outcome = deed(&of, &home, order, &told);
        // It tells of itself where its files are watched; where they are not, nothing else does.
        asker.look_at(of.clone());
        // Nobody takes it: the view has ended, the service does what it was told.
        let _ = told.send(News::Done(of, order, outcome));
    };
    if let Err(error) = std::thread::Builder::new().name("act".into()).spawn(act) {
        model.take(News::Done(id, order, Err(Failure::io("no thread to ask with", &error))));
    }
}

fn deed(id: &Id, home: &Home, order: Order, told: &SyncSender<News>) -> Result<String, Failure> {
    let deed = Deed { name: &id.name, home, order, timeout: None };
    let done = deed.run(&mut |progress| {
        let _ = told.send(News::Progress(id.clone(), words(progress)));
    });
    done.map_err(|error| {
        let failure = Failure::from(error);
        // More rights are no way to one's own services: root's are others.
        let hint = failure.hint.clone().filter(|hint| !(id.own && hint.starts_with("`sudo ")));
        Failure { hint, ..failure }
    })
}
