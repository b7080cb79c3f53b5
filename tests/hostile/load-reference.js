// expect: code=3 reason="ReferenceError"
// Uses a name that is nowhere.
module.exports = {};
