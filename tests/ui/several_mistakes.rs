use fieldseal::Record;

#[derive(Record)]
#[record(name = "Customer", single_row, keys_colum = "k", sealed(name = "Row", derive(Clone), attr = x))]
struct Customer {
    #[record(subject, seal)]
    id: i64,
    #[record(seal(pad = 0, class = , hide_null, colour))]
    email: Option<String>,
    #[record(row, was = "x")]
    keys: String,
    #[record(seal(id = "email"))]
    schema: String,
}

fn main() {}
