use fieldseal::Record;

#[derive(Record)]
#[record(name = "address")]
struct Address {
    #[record(subject)]
    customer: i64,
    #[record(row)]
    id: i64,
    #[record(seal)]
    street: String,
}

#[derive(Record)]
#[record(name = "note", keys = "inline")]
struct Note {
    #[record(subject)]
    author: i64,
    #[record(row)]
    id: i64,
    #[record(seal)]
    text: String,
}

fn main() {}
