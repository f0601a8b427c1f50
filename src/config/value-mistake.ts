/** What is wrong with one value; the message completes the sentence "<setting> …". */
export class ValueMistake extends Error {}
