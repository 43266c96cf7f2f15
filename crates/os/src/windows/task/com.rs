//! The few calls of the Task Scheduler. It speaks COM only; the libraries for that are loaded when they are needed,
//! because they bring the window system with them, which no supervisor is to carry.

use std::ffi::c_void;
use std::io;
use std::ptr;

use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};
use windows_sys::core::GUID;
use windows_sys::w;

use crate::windows::sys::units;

type Hresult = i32;
/// A text of COM: UTF-16 units with their number before them, owned by whoever has it.
type Bstr = *mut u16;

/// `CLSID_TaskScheduler`.
static TASK_SCHEDULER: GUID = GUID::from_u128(0x0f87369f_a4e5_4cfc_bd3e_73e6154572dd);
/// `IID_ITaskService`.
static TASK_SERVICE: GUID = GUID::from_u128(0x2faba4c7_4da9_4013_9697_20cc3fd40f85);

const CLSCTX_INPROC_SERVER: u32 = 1;
const COINIT_MULTITHREADED: u32 = 0;
const TASK_CREATE_OR_UPDATE: i32 = 6;
/// `TASK_LOGON_INTERACTIVE_TOKEN`: with the rights of the user who is logged on, and no password.
const LOGON_INTERACTIVE: i32 = 3;

/// `HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND)` and `…(ERROR_PATH_NOT_FOUND)`.
const NOT_FOUND: [Hresult; 2] = [0x8007_0002_u32.cast_signed(), 0x8007_0003_u32.cast_signed()];
/// `E_NOTIMPL`.
const NOT_OFFERED: Hresult = 0x8000_4001_u32.cast_signed();

/// A `VARIANT` that holds nothing: "not said".
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Variant {
    kind: u16,
    reserved: [u16; 3],
    value: [usize; 2],
}

/// A method that is not called here; its place in the table counts.
type Unused = *const c_void;

/// What the tables of all these interfaces begin with: `IUnknown`, of which one is used, and `IDispatch`.
#[repr(C)]
struct Base {
    query_interface: Unused,
    add_ref: Unused,
    release: unsafe extern "system" fn(*mut c_void) -> u32,
    dispatch: [Unused; 4],
}

/// `ITaskService`.
#[repr(C)]
struct ServiceTable {
    base: Base,
    get_folder: unsafe extern "system" fn(*mut c_void, Bstr, *mut *mut c_void) -> Hresult,
    get_running_tasks: Unused,
    new_task: Unused,
    connect: unsafe extern "system" fn(*mut c_void, Variant, Variant, Variant, Variant) -> Hresult,
}

/// `ITaskFolder`.
#[repr(C)]
struct FolderTable {
    base: Base,
    names_and_folders: [Unused; 6],
    get_task: unsafe extern "system" fn(*mut c_void, Bstr, *mut *mut c_void) -> Hresult,
    get_tasks: Unused,
    delete_task: unsafe extern "system" fn(*mut c_void, Bstr, i32) -> Hresult,
    register_task: unsafe extern "system" fn(
        *mut c_void,
        Bstr,
        Bstr,
        i32,
        Variant,
        Variant,
        i32,
        Variant,
        *mut *mut c_void,
    ) -> Hresult,
}

/// `IRegisteredTask`.
#[repr(C)]
struct TaskTable {
    base: Base,
    name_and_path: [Unused; 2],
    state: unsafe extern "system" fn(*mut c_void, *mut i32) -> Hresult,
    enabled: [Unused; 2],
    run: unsafe extern "system" fn(*mut c_void, Variant, *mut *mut c_void) -> Hresult,
}

/// What a task does. Numbered as `TASK_STATE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskState {
    Disabled,
    /// About to run.
    Queued,
    Ready,
    Running,
    Unknown,
}

/// The calls of COM itself.
struct Com {
    initialize: unsafe extern "system" fn(*const c_void, u32) -> Hresult,
    uninitialize: unsafe extern "system" fn(),
    create:
        unsafe extern "system" fn(*const GUID, *mut c_void, u32, *const GUID, *mut *mut c_void) -> Hresult,
    allocate: unsafe extern "system" fn(*const u16, u32) -> Bstr,
    free: unsafe extern "system" fn(Bstr),
}

impl Com {
    fn load() -> io::Result<Self> {
        // SAFETY: the names end with NULs, and only the system's own folder is searched. They are never unloaded.
        let (ole, automation) = unsafe {
            (
                LoadLibraryExW(w!("ole32.dll"), ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32),
                LoadLibraryExW(w!("oleaut32.dll"), ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32),
            )
        };
        if ole.is_null() || automation.is_null() {
            return Err(io::Error::last_os_error());
        }
        type Found = unsafe extern "system" fn() -> isize;
        // SAFETY: the libraries are loaded, the names end with NULs, and the types are those of the calls' documentation.
        unsafe {
            let find = |library, name: &std::ffi::CStr| {
                GetProcAddress(library, name.as_ptr().cast()).ok_or_else(io::Error::last_os_error)
            };
            Ok(Self {
                initialize: std::mem::transmute::<
                    Found,
                    unsafe extern "system" fn(*const c_void, u32) -> Hresult,
                >(find(ole, c"CoInitializeEx")?),
                uninitialize: std::mem::transmute::<Found, unsafe extern "system" fn()>(find(
                    ole,
                    c"CoUninitialize",
                )?),
                create: std::mem::transmute::<
                    Found,
                    unsafe extern "system" fn(
                        *const GUID,
                        *mut c_void,
                        u32,
                        *const GUID,
                        *mut *mut c_void,
                    ) -> Hresult,
                >(find(ole, c"CoCreateInstance")?),
                allocate: std::mem::transmute::<Found, unsafe extern "system" fn(*const u16, u32) -> Bstr>(
                    find(automation, c"SysAllocStringLen")?,
                ),
                free: std::mem::transmute::<Found, unsafe extern "system" fn(Bstr)>(find(
                    automation,
                    c"SysFreeString",
                )?),
            })
        }
    }

    fn text(&self, text: &str) -> io::Result<Text<'_>> {
        let units = units(text)?;
        let length = u32::try_from(units.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the units are as many as is told.
        let bstr = unsafe { (self.allocate)(units.as_ptr(), length) };
        if bstr.is_null() { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(Text { com: self, bstr }) }
    }
}

/// A text of COM that is ours.
struct Text<'a> {
    com: &'a Com,
    bstr: Bstr,
}

impl Drop for Text<'_> {
    fn drop(&mut self) {
        // SAFETY: the text is ours, and null may be freed too.
        unsafe { (self.com.free)(self.bstr) };
    }
}

/// An object that is ours; its first word is the address of its table.
struct Object(*mut c_void);

impl Object {
    /// # Safety
    /// The object has an interface with a table of this type.
    unsafe fn table<T>(&self) -> &T {
        // SAFETY: the caller vouches for the type; tables live as long as their library.
        unsafe { &**self.0.cast::<*const T>() }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: every interface begins with these methods, and the reference is ours to give back.
        unsafe { (self.table::<Base>().release)(self.0) };
    }
}

fn check(call: &str, answer: Hresult) -> io::Result<()> {
    if answer >= 0 {
        return Ok(());
    }
    if NOT_FOUND.contains(&answer) {
        return Err(io::ErrorKind::NotFound.into());
    }
    if answer == NOT_OFFERED {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let bits = answer.cast_unsigned();
    // Codes of Windows itself are carried in the lower half.
    let error = if bits >> 16 == 0x8007 {
        io::Error::from_raw_os_error((bits & 0xffff).cast_signed())
    } else {
        io::Error::other(format!("{call} answered {bits:#010x}{}", known(bits)))
    };
    Err(error)
}

/// The codes of the Task Scheduler that a user may meet, in words.
fn known(code: u32) -> &'static str {
    match code {
        0x8004_1326 => ": the task is disabled",
        0x8004_1315 => ": the Task Scheduler does not run",
        0x8004_131a => ": the task's definition is not understood",
        _ => "",
    }
}

/// The folder in which all tasks of a machine are that need no administrator.
pub(super) struct Folder<'a> {
    com: &'a Com,
    folder: Object,
}

/// Talks to the Task Scheduler, on a thread of its own: what a thread does with COM binds it for good.
pub(super) fn with_folder<T: Send>(work: impl FnOnce(&Folder<'_>) -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let talk = scope.spawn(|| {
            let com = Com::load()?;
            // SAFETY: the first argument has to be null.
            check("CoInitializeEx", unsafe { (com.initialize)(ptr::null(), COINIT_MULTITHREADED) })?;
            let outcome = Folder::open(&com).and_then(|folder| work(&folder));
            // SAFETY: initialised above, and every object of this thread has been given back.
            unsafe { (com.uninitialize)() };
            outcome
        });
        talk.join().unwrap_or_else(|_| Err(io::Error::other("talking to the Task Scheduler failed")))
    })
}

impl<'a> Folder<'a> {
    fn open(com: &'a Com) -> io::Result<Self> {
        let mut service = ptr::null_mut();
        // SAFETY: the ids live through the call; the object goes into our place.
        let answer = unsafe {
            (com.create)(
                &raw const TASK_SCHEDULER,
                ptr::null_mut(),
                CLSCTX_INPROC_SERVER,
                &raw const TASK_SERVICE,
                &raw mut service,
            )
        };
        check("CoCreateInstance", answer)?;
        let service = Object(service);
        // SAFETY: the object was asked for with the id of this interface.
        let table = unsafe { service.table::<ServiceTable>() };
        let none = Variant::default();
        // SAFETY: nothing said is this machine and this user.
        let answer = unsafe { (table.connect)(service.0, none, none, none, none) };
        check("ITaskService::Connect", answer)?;
        let root = com.text("\\")?;
        let mut folder = ptr::null_mut();
        // SAFETY: the text is whole; the object goes into our place.
        let answer = unsafe { (table.get_folder)(service.0, root.bstr, &raw mut folder) };
        check("ITaskService::GetFolder", answer)?;
        Ok(Self { com, folder: Object(folder) })
    }

    fn table(&self) -> &FolderTable {
        // SAFETY: `GetFolder` gives this interface.
        unsafe { self.folder.table() }
    }

    /// The task at a path; `None` when there is none.
    pub(super) fn task(&self, path: &str) -> io::Result<Option<Task>> {
        let path = self.com.text(path)?;
        let mut task = ptr::null_mut();
        // SAFETY: the text is whole; the object goes into our place.
        let answer = unsafe { (self.table().get_task)(self.folder.0, path.bstr, &raw mut task) };
        match check("ITaskFolder::GetTask", answer) {
            Ok(()) => Ok(Some(Task(Object(task)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the task of a path as its text says, whether there is one or not.
    pub(super) fn register(&self, path: &str, xml: &str) -> io::Result<()> {
        let (path, xml) = (self.com.text(path)?, self.com.text(xml)?);
        let none = Variant::default();
        let mut task = ptr::null_mut();
        // SAFETY: the texts are whole, nothing is said about user and password, which the definition names or the logon
        // type makes needless; the object goes into our place.
        let answer = unsafe {
            (self.table().register_task)(
                self.folder.0,
                path.bstr,
                xml.bstr,
                TASK_CREATE_OR_UPDATE,
                none,
                none,
                LOGON_INTERACTIVE,
                none,
                &raw mut task,
            )
        };
        check("ITaskFolder::RegisterTask", answer)?;
        if !task.is_null() {
            drop(Object(task));
        }
        Ok(())
    }

    /// Removes a task. Answers whether there was one.
    pub(super) fn delete(&self, path: &str) -> io::Result<bool> {
        let path = self.com.text(path)?;
        // SAFETY: the text is whole.
        let answer = unsafe { (self.table().delete_task)(self.folder.0, path.bstr, 0) };
        match check("ITaskFolder::DeleteTask", answer) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A task that is registered.
pub(super) struct Task(Object);

impl Task {
    fn table(&self) -> &TaskTable {
        // SAFETY: `GetTask` gives this interface.
        unsafe { self.0.table() }
    }

    pub(super) fn state(&self) -> io::Result<TaskState> {
        let mut state = 0;
        // SAFETY: the place for the answer is ours.
        check("IRegisteredTask::get_State", unsafe { (self.table().state)(self.0.0, &raw mut state) })?;
        Ok(match state {
            1 => TaskState::Disabled,
            2 => TaskState::Queued,
            3 => TaskState::Ready,
            4 => TaskState::Running,
            _ => TaskState::Unknown,
        })
    }

    /// Runs it now. [`io::ErrorKind::Unsupported`] where the Task Scheduler runs nothing (Wine's).
    pub(super) fn run(&self) -> io::Result<()> {
        let mut running = ptr::null_mut();
        // SAFETY: no parameters are passed; the object goes into our place.
        let answer = unsafe { (self.table().run)(self.0.0, Variant::default(), &raw mut running) };
        check("IRegisteredTask::Run", answer)?;
        if !running.is_null() {
            drop(Object(running));
        }
        Ok(())
    }
}
