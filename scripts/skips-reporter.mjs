// A reporter for Node's test runner: one line for each test that was skipped or marked to do.
export default async function* skips(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.skip !== undefined) yield `${data.file ?? ''}: ${data.name}: skipped ${data.skip === true ? '' : data.skip}\n`;
    if (data.todo !== undefined) yield `${data.file ?? ''}: ${data.name}: to do ${data.todo === true ? '' : data.todo}\n`;
  }
}
