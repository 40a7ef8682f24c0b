/** A rule of ESLint: what the app says stands in the catalogues of `src/words`, in every language, and nowhere else. */

const LETTER = /\p{L}/u;
/** Two words or more. */
const WORDS = /\p{L}{2,}[^\p{L}]*\s[^\p{L}]*\p{L}{2,}/u;
/** One word as a title. */
const TITLE = /^\p{Lu}\p{Ll}+$/u;

/** Units are the same in every language. */
const UNITS = /^\s*k?Wh$/u;

/** Attributes whose text is read or heard, and those that are for the browser alone. */
const SAID = new Set([
  'label',
  'title',
  'hint',
  'aria-label',
  'placeholder',
  'alt',
  'what',
  'from',
  'suffix',
  'account',
]);
const SILENT = new Set([
  ...['tone', 'key'],
  ...['className', 'id', 'type', 'role', 'href', 'd', 'viewBox', 'points', 'transform', 'scope', 'as', 'sizes'],
  ...['preserveAspectRatio', 'autoComplete', 'inputMode', 'aria-live', 'textAnchor'],
]);
/** Properties whose text is shown. */
const SHOWN = new Set(['label', 'title', 'message', 'reason', 'noun', 'unit', 'hint', 'why']);
/** Calls whose text is for machines or developers. */
const CALLS =
  /^(console\.\w+|classes|Error|TypeError|RegExp|matchMedia|\w+\.(getItem|setItem|querySelector|matches))$/u;

const isText = (text) => WORDS.test(text);

/** Whether a literal stands where nobody reads it. */
function isUnread(node, source) {
  for (let child = node, at = node.parent; at; child = at, at = at.parent) {
    if (at.type.startsWith('TS') && !/^TS(As|Satisfies|NonNull)Expression$/u.test(at.type)) return true;
    if (at.type === 'ImportDeclaration' || at.type === 'ExportNamedDeclaration') return at.source === child;
    if (at.type === 'JSXAttribute') return SILENT.has(source.getText(at.name));
    if (at.type === 'CallExpression' || at.type === 'NewExpression') {
      if (at.arguments.includes(child) && CALLS.test(source.getText(at.callee))) return true;
    }
    // Keys, names of classes, and what is compared with what a machine says.
    if (at.type === 'Property' && at.key === child && !at.computed) return true;
    if (at.type === 'Property' && /^(as|className)$/u.test(source.getText(at.key))) return true;
    if (at.type === 'BinaryExpression' && /^[=!]==$/u.test(at.operator)) return true;
    if (/Statement$|^VariableDeclaration$/u.test(at.type)) return false;
  }
  return false;
}

const noText = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { text: '“{{text}}” is said outside of the catalogues: put it into src/words, in every language.' },
  },
  create(context) {
    const source = context.sourceCode;
    const isScreen = context.filename.endsWith('.tsx');
    const report = (node, text) =>
      context.report({ node, messageId: 'text', data: { text: text.trim().slice(0, 40) } });
    return {
      JSXText(node) {
        if (LETTER.test(node.value)) report(node, node.value);
      },
      Literal(node) {
        if (typeof node.value !== 'string' || !LETTER.test(node.value) || UNITS.test(node.value)) return;
        const { parent, value } = node;
        const attribute = parent.type === 'JSXAttribute' ? source.getText(parent.name) : undefined;
        if (attribute !== undefined) {
          if (SAID.has(attribute)) report(node, value);
          return;
        }
        const isShown = parent.type === 'Property' && parent.value === node && SHOWN.has(source.getText(parent.key));
        if ((isShown || isText(value) || (isScreen && TITLE.test(value))) && !isUnread(node, source))
          report(node, value);
      },
      TemplateLiteral(node) {
        if (node.quasis.every(({ value }) => !LETTER.test(value.cooked) || UNITS.test(value.cooked))) return;
        const text = node.quasis.map(({ value }) => value.cooked).join('…');
        const says = ({ value }) => /\s\p{L}{2,}|\p{L}{2,}\s|^\p{Lu}\p{Ll}{2,}/u.test(value.cooked);
        if (node.quasis.some(says) && !isUnread(node, source)) {
          report(node, text);
        }
      },
    };
  },
};

export default { rules: { 'no-text': noText } };
