/** The WebAssembly of text.wat; scripts/text.mjs makes the module. */
export const code: Uint8Array;
