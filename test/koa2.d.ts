// Koa 2 is installed beside Koa 3, under another name.
declare module 'koa2' {
  import Koa from 'koa'
  export default Koa
}
