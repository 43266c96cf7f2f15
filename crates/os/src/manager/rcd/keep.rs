//! The part of an rc.d script that stays: a shell that starts the supervisor (or a program that is a service itself),
//! passes signals on to it, and starts it again where that is called for.
//!
//! daemon(8) has `-r` for that, but it starts its child again after any end, and when it is told to stop it ends without
//! waiting for its child, while the supervisor is still busy with its ladder (FreeBSD 13 and before). So daemon(8) only
//! does what it is best at, being a daemon whose words go to syslog, and this shell is its child.

use std::fmt::Write as _;

use abide_spec::{Reload, Signal, Spec, When};

use super::render::Paths;
use crate::manager::Context;
use crate::manager::direct::{self, is_identifier, whole_seconds};
use crate::quote::{sh, sh_words};

/// The functions of the shell that stays, ending with the one that is called, `keep`.
pub(super) fn functions(spec: &Spec, context: &Context, paths: &Paths) -> String {
    let mut text = String::new();
    text.push_str(&run(spec, context));
    text.push_str(&again(spec));
    text.push_str(&pause(spec));
    text.push_str(&stop(spec));
    text.push_str(&keep(spec, paths));
    text
}

/// What becomes the child. Shells have background jobs ignore INT and QUIT, which is not for those who come after.
fn run(spec: &Spec, context: &Context) -> String {
    let mut text = String::from("run() {\n\ttrap - HUP INT QUIT TERM\n");
    if spec.program.supervised {
        let words = [direct::shown(&context.supervisor)];
        let words = words.iter().map(String::as_str).chain(["run", "--manager", "rc.d", spec.name.as_str()]);
        let _ = writeln!(text, "\texec {}", sh_words(words));
    } else {
        started_directly(spec, context, &mut text);
    }
    text.push_str("}\n\n");
    text
}

fn started_directly(spec: &Spec, context: &Context, text: &mut String) {
    let limits = [("-n", spec.limits.open_files), ("-u", spec.limits.processes)];
    for (option, limit) in limits.iter().filter_map(|(option, limit)| Some((option, (*limit)?))) {
        // Both bounds, the soft and the hard one.
        let _ = writeln!(text, "\tulimit {option} {limit} || exit 126");
    }
    let user = direct::account(spec);
    let groups: String = spec.account.groups.iter().map(|group| format!(",{group}")).collect();
    let _ = writeln!(text, "\tuser={}", sh(user.as_deref().unwrap_or("root")));
    if user.is_some() {
        text.push_str("\tgroup=$(id -gn \"$user\") groups=$(id -Gn \"$user\") || exit 126\n");
        // With commas, as chroot(8) takes them.
        let _ = writeln!(text, "\tgroups=$(printf %s \"$groups\" | tr ' ' ','){}", sh(&groups));
    }
    text.push_str("\thome=$(getent passwd \"$user\" 2>/dev/null | cut -d: -f6)\n");
    text.push_str("\texport USER=\"$user\" LOGNAME=\"$user\" HOME=\"${home:-/}\"\n");
    for (name, value) in direct::own_variables(spec, context) {
        let _ = writeln!(text, "\texport {name}={}", sh(&value));
    }
    if variables(spec).is_some() {
        let _ =
            writeln!(text, "\t. {}", sh(&direct::shown(&Paths::of(&spec.name, &context.layout).variables)));
    }
    let folder = direct::shown(&direct::working_dir(spec, context));
    let command = sh_words(&spec.program.command);
    if user.is_some() {
        // chroot(8) to where everything is anyhow changes the user and becomes the program: no process stays between, as
        // one does with su(1). It goes to the root folder, so the way back is made behind it.
        let _ = writeln!(
            text,
            "\texec /usr/sbin/chroot -u \"$user\" -g \"$group\" -G \"$groups\" / /bin/sh -c {} {} {command}",
            sh("cd \"$0\" && exec \"$@\""),
            sh(&folder)
        );
    } else {
        let _ = writeln!(text, "\tcd {} || exit 126\n\texec {command}", sh(&folder));
    }
}

/// The lines that set the variables of a program that is started directly, for a file that only root reads.
pub(super) fn variables(spec: &Spec) -> Option<String> {
    if spec.program.supervised || spec.program.env.is_empty() {
        return None;
    }
    let set = direct::expanded(spec);
    let speakable = set.iter().filter(|(name, _)| is_identifier(name));
    Some(speakable.map(|(name, value)| format!("export {name}={}\n", sh(value))).collect())
}

/// Whether it is started again after an end with that code, a signal being 128 and its number.
fn again(spec: &Spec) -> String {
    let restart = &spec.restart;
    if spec.program.supervised {
        // How the program ends is the supervisor's matter; this is for the death of the supervisor itself.
        let heals = restart.when != When::Never;
        let line = if heals { "[ \"$1\" -gt 128 ]" } else { "false" };
        return format!("again() {{\n\t{line}\n}}\n\n");
    }
    let mut text = String::from(
        "again() {\n\tsignal=''\n\t[ \"$1\" -le 128 ] || signal=$(kill -l \"$1\" 2>/dev/null)\n\tcase $1:$signal in\n",
    );
    let never = (&restart.codes.never, &restart.signals.never, "return 1");
    let always = (&restart.codes.always, &restart.signals.always, "return 0");
    for (codes, signals, verdict) in [never, always] {
        let codes = codes.iter().filter_map(|code| pattern(*code));
        let signals = signals.iter().map(|signal| format!("*:{signal}"));
        let patterns: Vec<String> = codes.chain(signals).collect();
        if !patterns.is_empty() {
            let _ = writeln!(text, "\t{}) {verdict} ;;", patterns.join(" | "));
        }
    }
    match restart.when {
        When::Always => text.push_str("\t*) return 0 ;;\n"),
        When::Never => text.push_str("\t*) return 1 ;;\n"),
        When::OnFailure => {
            let success: Vec<String> =
                restart.success_codes.iter().filter_map(|code| pattern(*code)).collect();
            if !success.is_empty() {
                let _ = writeln!(text, "\t{}) return 1 ;;", success.join(" | "));
            }
            text.push_str("\t*) return 0 ;;\n");
        }
    }
    text.push_str("\tesac\n}\n\n");
    text
}

/// How the shell finds an exit code in `CODE:SIGNAL`. Above 128 it cannot tell it from a signal.
fn pattern(code: i32) -> Option<String> {
    let code = u8::try_from(code).ok()?;
    Some(if code > 128 { format!("{code}:*") } else { format!("{code}:") })
}

/// The delays before the first restart, the second, and so on, in seconds; the last one counts for all that follow.
pub(super) fn delays(spec: &Spec) -> Vec<u64> {
    /// More steps than any sensible policy has; what is left out after them is the difference to the longest delay.
    const MOST: usize = 64;
    let delay = &spec.restart.delay;
    let (mut now, longest) = (delay.initial.get().as_secs_f64(), delay.max.get().as_secs_f64());
    let mut list = vec![whole_seconds(delay.initial.get())];
    while list.len() < MOST && delay.factor > 1.0 && now > 0.0 && now < longest {
        now = (now * delay.factor).min(longest);
        list.push(now.ceil().max(1.0) as u64);
    }
    list
}

/// Waits before the next start; fails when there shall be none, because there were too many. What waits here holds on to
/// nothing that others wait for, and goes when a signal comes.
fn pause(spec: &Spec) -> String {
    let nap = "\ttold=''\n\tsleep \"$delay\" </dev/null >/dev/null 2>&1 &\n\tnap=$!\n\twait \"$nap\"\n\
               \tif [ -n \"$told\" ]; then kill \"$nap\" 2>/dev/null; fi\n\treturn 0\n}\n\n";
    if spec.program.supervised {
        let delay = whole_seconds(spec.restart.delay.initial.get());
        return format!("pause() {{\n\tdelay={delay}\n{nap}");
    }
    let restart = &spec.restart;
    let mut text = String::from("pause() {\n\tnow=$(date +%s)\n");
    if let Some(give_up) = restart.give_up {
        let _ = write!(
            text,
            "\tcount=0 recent=''\n\tfor time in $restarts; do\n\
             \t\tif [ $((now - time)) -lt {within} ]; then recent=\"$recent $time\" count=$((count + 1)); fi\n\tdone\n\
             \tif [ \"$count\" -ge {after} ]; then\n\
             \t\techo {said} >&2\n\t\treturn 1\n\tfi\n\trestarts=\"$recent $now\"\n",
            within = whole_seconds(give_up.within.get()),
            after = give_up.after.max(1),
            said = sh(&format!("given up: {} restarts within {}", give_up.after.max(1), give_up.within)),
        );
    }
    let delays: Vec<String> = delays(spec).iter().map(ToString::to_string).collect();
    let _ = write!(
        text,
        "\tif [ $((now - begun)) -ge {stable} ]; then delays=''; fi\n\
         \t# shellcheck disable=SC2086\n\tset -- ${{delays:-{delays}}}\n\tdelay=$1\n\
         \tif [ $# -gt 1 ]; then shift; fi\n\tdelays=\"$*\"\n",
        stable = whole_seconds(restart.reset_after.get()),
        delays = delays.join(" "),
    );
    text.push_str(nap);
    text
}

/// What is done when it is told to stop or to reload.
fn stop(spec: &Spec) -> String {
    let tell =
        "tell() {\n\ttold=yes\n\tif [ -n \"$child\" ]; then kill -s \"$1\" \"$child\" 2>/dev/null; fi\n}\n\n";
    if spec.program.supervised {
        return format!("{tell}stop() {{\n\tstopped=yes\n\ttell TERM\n}}\n\n");
    }
    let (signal, wait) =
        direct::ladder(spec).unwrap_or((Signal::TERM, spec.stop_budget(abide_spec::Family::Unix).get()));
    format!(
        "{tell}stop() {{\n\tstopped=yes\n\ttell {signal}\n\tif [ -z \"$child\" ] || [ -n \"$killer\" ]; then return; fi\n\
         \t(\n\t\ttrap - TERM\n\t\tsleep {wait} &\n\t\tnap=$!\n\t\ttrap 'kill \"$nap\"; exit' TERM\n\t\twait \"$nap\"\n\
         \t\tkill -s KILL \"$child\"\n\t) </dev/null >/dev/null 2>&1 &\n\tkiller=$!\n}}\n\n",
        wait = whole_seconds(wait),
    )
}

/// The signal by which the child is told to reload, where it can be.
pub(super) fn reload(spec: &Spec) -> Option<Signal> {
    match &spec.reload {
        Some(_) if spec.program.supervised => Some(Signal::HUP),
        Some(Reload::Signal(signal)) => Some(*signal),
        _ => None,
    }
}

fn keep(spec: &Spec, paths: &Paths) -> String {
    let folder = sh(&direct::shown(&paths.run));
    let hup = match reload(spec) {
        Some(signal) => format!("'tell {signal}'"),
        None if spec.program.supervised => "'tell HUP'".to_owned(),
        None => "''".to_owned(),
    };
    format!(
        "keep() {{
	cd {folder} || exit 1
	echo $$ >keeper
	child='' stopped='' killer='' delays='' restarts=''
	trap stop INT TERM
	trap {hup} HUP
	while [ -z \"$stopped\" ]; do
		begun=$(date +%s)
		run &
		child=$!
		echo \"$child\" >main
		# It may have been told to stop while there was nobody to pass that on to.
		if [ -n \"$stopped\" ]; then stop; fi
		code=127 told=yes
		while [ -n \"$told\" ]; do
			# A signal that is passed on ends the wait, not the child. 127: it has been waited for.
			told=''
			wait \"$child\"
			got=$?
			if [ \"$got\" -ne 127 ]; then code=$got; fi
		done
		child=''
		if [ -n \"$stopped\" ] || ! again \"$code\" || ! pause; then break; fi
	done
	if [ -n \"$killer\" ]; then kill \"$killer\" 2>/dev/null; fi
	if [ -z \"$stopped\" ]; then echo \"$code\" >exit; fi
	rm -f main keeper
	exit 0
}}

"
    )
}
