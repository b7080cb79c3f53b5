// expect: code=0 http=500
// Throws an object that throws when it is printed: the runtime serves errors instead of ending.
throw { get message() { throw 1; }, get stack() { throw 2; }, toString() { throw 3; } };
