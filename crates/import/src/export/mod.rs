pub struct Exported; #[derive(Clone, Copy)] pub enum Target { A } pub fn export() {}
