package database

// The methods below make a DB what package audit asks of its database.

// IsFull is the function of that name.
func (*DB) IsFull(err error) bool { return IsFull(err) }

// IsReadOnly is the function of that name.
func (*DB) IsReadOnly(err error) bool { return IsReadOnly(err) }

// IsBusy is the function of that name.
func (*DB) IsBusy(err error) bool { return IsBusy(err) }

// IsLost is the function of that name.
func (*DB) IsLost(err error) bool { return IsLost(err) }

// InDoubt is the function of that name.
func (*DB) InDoubt(err error) bool { return InDoubt(err) }
