// Calls npm's sms-activate for a test: a line [method, ...arguments] comes in, a line {value} or {error} goes out.
const readline = require('readline')
const SMSActivate = require('sms-activate')

const library = new SMSActivate(process.env.CLIENT_KEY)
if (process.env.BASE_URL) library.session.defaults.baseURL = process.env.BASE_URL

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const [method, ...args] = JSON.parse(line)
  const said = await library[method](...args).then((value) => ({ value }), (error) => ({ error: error.name }))
  console.log(JSON.stringify(said))
})
