//! The verbs that make a service do something.

use abide_host::{Deed, Order};
use abide_spec::Name;

use crate::args::{Act, Common, Names, Switch, SwitchDebug};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{GOOD, Printer};
use crate::services::Home;
use crate::verbs::apply::words;

/// `abide start`
pub fn start(args: &Act, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    act(args, common, printer, Order::Start)
}

/// `abide stop`
pub fn stop(args: &Act, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    act(args, common, printer, Order::Stop)
}

/// `abide restart`
pub fn restart(args: &Act, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    act(args, common, printer, Order::Restart)
}

/// `abide reload`
pub fn reload(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    each(&args.names, common, printer, Order::Reload, None)
}

/// `abide pause`
pub fn pause(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    each(&args.names, common, printer, Order::Pause, None)
}

/// `abide continue`
pub fn go_on(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    each(&args.names, common, printer, Order::Continue, None)
}

/// `abide rotate`
pub fn rotate(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    each(&args.names, common, printer, Order::Rotate, None)
}

/// `abide debug`
pub fn debug(args: &SwitchDebug, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let order = Order::Debug { on: args.switch == Switch::On };
    each(std::slice::from_ref(&args.name), common, printer, order, None)
}

fn act(args: &Act, common: &Common, printer: &Printer, order: Order) -> Result<Exit, Failure> {
    each(&args.names, common, printer, order, args.timeout)
}

/// Every name is known before anything is done; then what fails for one is done for the others all the same.
fn each(
    names: &[Name],
    common: &Common,
    printer: &Printer,
    order: Order,
    timeout: Option<abide_spec::Duration>,
) -> Result<Exit, Failure> {
    let homes = names.iter().map(|name| Ok((name, Home::required(name, &common.whose())?)));
    let homes = homes.collect::<Result<Vec<_>, Failure>>()?;
    let timeout = timeout.map(abide_spec::Duration::get);
    let mut failed = None;
    for (name, home) in &homes {
        let deed = Deed { name, home, order, timeout };
        match deed.run(&mut |progress| printer.progress(&words(progress))) {
            Ok(told) => printer.result(format!("{GOOD}{name}{GOOD:#}{told}"))?,
            Err(error) if homes.len() == 1 => return Err(error.into()),
            Err(error) => {
                let failure = Failure::from(error);
                printer.failure(&failure);
                failed.get_or_insert(failure.exit);
            }
        }
    }
    Ok(failed.unwrap_or(Exit::Ok))
}
